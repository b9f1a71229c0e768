"""The vocabularies of OpenADR 2.0b, for users to write and compare with. Values come from the
official schema.

Every class is a ``str`` enum whose ``str()`` and f-string give the value; ``.values`` lists the
values and ``.members`` the names, aliases included. Received messages hold plain ``str``, which
compare equal. Nothing here runs in a thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .vocabulary import Vocabulary

__all__ = [
    "Vocabulary",
    "EVENT_STATUS",
    "SIGNAL_NAME",
    "SIGNAL_TYPE",
    "REPORT_NAME",
    "REPORT_TYPE",
    "READING_TYPE",
    "DATA_QUALITY",
    "OPT",
    "OPT_REASON",
    "RESPONSE_REQUIRED",
    "SIGNAL_TARGET_MRID",
    "STATUS_CODES",
    "SECURITY_LEVEL",
    "SI_SCALE_CODE",
    "PROFILE_NAME",
    "TRANSPORT_NAME",
    "SERVICE_NAME",
    "MEASUREMENTS",
    "CURRENCIES",
]


class EVENT_STATUS(Vocabulary):
    """Where an event stands in time, or that it was cancelled."""

    NONE = "none", "there is no event"
    FAR = "far", "still to come, its ramp-up has not begun"
    NEAR = "near", "still to come, its ramp-up has begun"
    ACTIVE = "active", "under way"
    COMPLETED = "completed", "over"
    CANCELLED = "cancelled", "the VTN took it back"


class SIGNAL_NAME(Vocabulary):
    """What a signal is about. A VTN may send others that begin with ``x-``."""

    SIMPLE = "SIMPLE", "levels 0 (normal) to 3 (most), which every VEN understands"
    simple = "simple", "the same, as profile 2.0a wrote it"
    ELECTRICITY_PRICE = "ELECTRICITY_PRICE", "price of electricity, all parts of it together"
    ENERGY_PRICE = "ENERGY_PRICE", "price of the energy alone"
    DEMAND_CHARGE = "DEMAND_CHARGE", "price of the highest power drawn"
    BID_PRICE = "BID_PRICE", "price at which a resource offered its service"
    BID_LOAD = "BID_LOAD", "power that a resource offered"
    BID_ENERGY = "BID_ENERGY", "energy that a resource offered"
    CHARGE_STATE = "CHARGE_STATE", "energy to be charged into or taken out of a storage"
    LOAD_DISPATCH = "LOAD_DISPATCH", "power to be drawn or given, absolute or as a change"
    LOAD_CONTROL = "LOAD_CONTROL", "set point, offset or share for a controlled load"


class SIGNAL_TYPE(Vocabulary):
    """How the number in a signal is to be read."""

    DELTA = "delta", "a change from what would be used without the event"
    LEVEL = "level", "a level, as SIMPLE has them"
    MULTIPLIER = "multiplier", "a factor on what would be used without the event"
    PRICE = "price", "a price"
    PRICE_MULTIPLIER = "priceMultiplier", "a factor on the usual price"
    PRICE_RELATIVE = "priceRelative", "a change from the usual price"
    SETPOINT = "setpoint", "an absolute value to be held"
    X_LOAD_CONTROL_CAPACITY = "x-loadControlCapacity", "share of the full capacity, 0 to 1"
    X_LOAD_CONTROL_LEVEL_OFFSET = (
        "x-loadControlLevelOffset",
        "steps up or down from the usual level",
    )
    X_LOAD_CONTROL_PERCENT_OFFSET = (
        "x-loadControlPercentOffset",
        "percent up or down from the usual value",
    )
    X_LOAD_CONTROL_SETPOINT = "x-loadControlSetpoint", "the controller's own set point"


class REPORT_NAME(Vocabulary):
    """Reports that are well known. The METADATA names are their catalogues, which the client makes
    itself.
    """

    METADATA_HISTORY_USAGE = "METADATA_HISTORY_USAGE", "catalogue entry of HISTORY_USAGE"
    HISTORY_USAGE = "HISTORY_USAGE", "stored values, sent when the VTN asks"
    METADATA_HISTORY_GREENBUTTON = (
        "METADATA_HISTORY_GREENBUTTON",
        "catalogue entry of HISTORY_GREENBUTTON",
    )
    HISTORY_GREENBUTTON = "HISTORY_GREENBUTTON", "stored values as a Green Button feed"
    METADATA_TELEMETRY_USAGE = "METADATA_TELEMETRY_USAGE", "catalogue entry of TELEMETRY_USAGE"
    TELEMETRY_USAGE = "TELEMETRY_USAGE", "values as they are measured"
    METADATA_TELEMETRY_STATUS = "METADATA_TELEMETRY_STATUS", "catalogue entry of TELEMETRY_STATUS"
    TELEMETRY_STATUS = (
        "TELEMETRY_STATUS",
        "whether resources are online and overridden, and their load control",
    )


class REPORT_TYPE(Vocabulary):
    """What a reported value means."""

    READING = "reading", "what the meter shows"
    USAGE = "usage", "energy used in a period"
    DEMAND = "demand", "power drawn"
    SET_POINT = "setPoint", "value that a controller holds"
    DELTA_USAGE = "deltaUsage", "energy used, as a difference from the baseline"
    DELTA_SET_POINT = "deltaSetPoint", "set point, as a difference from the one before"
    DELTA_DEMAND = "deltaDemand", "power, as a difference from the baseline"
    BASELINE = "baseline", "what would be used without an event"
    DEVIATION = "deviation", "how far the value is from what was ordered"
    AVG_USAGE = "avgUsage", "average of the energy used"
    AVG_DEMAND = "avgDemand", "average of the power drawn"
    OPERATING_STATE = "operatingState", "state of a machine, such as on or off"
    UP_REGULATION_CAPACITY_AVAILABLE = (
        "upRegulationCapacityAvailable",
        "how much a regulation service could go up",
    )
    DOWN_REGULATION_CAPACITY_AVAILABLE = (
        "downRegulationCapacityAvailable",
        "how much a regulation service could go down",
    )
    REGULATION_SETPOINT = "regulationSetpoint", "set point of a regulation service"
    STORED_ENERGY = "storedEnergy", "energy in a storage now"
    TARGET_ENERGY_STORAGE = "targetEnergyStorage", "energy that a storage is to hold"
    AVAILABLE_ENERGY_STORAGE = "availableEnergyStorage", "room left in a storage"
    PRICE = "price", "a price"
    LEVEL = "level", "a level, as SIMPLE has them"
    POWER_FACTOR = "powerFactor", "power factor"
    PERCENT_USAGE = "percentUsage", "energy used, in percent"
    PERCENT_DEMAND = "percentDemand", "power drawn, in percent"
    X_RESOURCE_STATUS = "x-resourceStatus", "the status record of TELEMETRY_STATUS"


class READING_TYPE(Vocabulary):
    """How a reported value came about."""

    DIRECT_READ = "Direct Read", "read from a device"
    NET = "Net", "the meter's own net of two directions, or a difference"
    ALLOCATED = "Allocated", "a share of what one meter shows for several"
    ESTIMATED = "Estimated", "estimated where a reading is missing"
    SUMMED = "Summed", "the sum of several meters"
    DERIVED = "Derived", "worked out from other values"
    MEAN = "Mean", "mean over a period"
    PEAK = "Peak", "the highest (or lowest) of a period"
    HYBRID = "Hybrid", "of several kinds together"
    CONTRACT = "Contract", "as a contract says"
    PROJECTED = "Projected", "expected for the future"
    X_RMS = "x-RMS", "root mean square"
    X_NOT_APPLICABLE = "x-notApplicable", "there is nothing to read, as for a status"


class DATA_QUALITY(Vocabulary):
    """How far a reported value can be trusted."""

    NO_VALUE = "No Quality - No Value", "there is no value"
    PREVIOUS_VALUE_USED = "No New Value - Previous Value Used", "no new value: it is the one before"
    BAD_NON_SPECIFIC = "Quality Bad - Non Specific", "wrong, for no special reason"
    BAD_CONFIGURATION_ERROR = (
        "Quality Bad - Configuration Error",
        "wrong: the device is set up wrongly",
    )
    BAD_NOT_CONNECTED = "Quality Bad - Not Connected", "wrong: the device is not connected"
    BAD_DEVICE_FAILURE = "Quality Bad - Device Failure", "wrong: the device failed"
    BAD_SENSOR_FAILURE = "Quality Bad - Sensor Failure", "wrong: the sensor failed"
    BAD_LAST_KNOWN_VALUE = (
        "Quality Bad - Last Known Value",
        "no connection: the last value that is known",
    )
    BAD_COMM_FAILURE = "Quality Bad - Comm Failure", "no connection: no value is known"
    BAD_OUT_OF_SERVICE = "Quality Bad - Out of Service", "wrong: switched off for service"
    UNCERTAIN_NON_SPECIFIC = "Quality Uncertain - Non Specific", "doubtful, for no special reason"
    UNCERTAIN_LAST_USABLE_VALUE = (
        "Quality Uncertain - Last Usable Value",
        "doubtful: too old, the source has stopped writing",
    )
    UNCERTAIN_SENSOR_NOT_ACCURATE = (
        "Quality Uncertain - Sensor Not Accurate",
        "doubtful: the sensor is at its limit or not calibrated",
    )
    UNCERTAIN_EU_UNITS_EXCEEDED = (
        "Quality Uncertain - EU Units Exceeded",
        "doubtful: outside the range of the unit",
    )
    UNCERTAIN_SUB_NORMAL = (
        "Quality Uncertain - Sub Normal",
        "doubtful: too few of its sources are good",
    )
    GOOD_NON_SPECIFIC = "Quality Good - Non Specific", "good"
    GOOD_LOCAL_OVERRIDE = "Quality Good - Local Override", "good, but set by hand"
    LIMIT_FIELD_NOT = "Quality Limit - Field/Not", "within its limits"
    LIMIT_FIELD_LOW = "Quality Limit - Field/Low", "at its lower limit"
    LIMIT_FIELD_HIGH = "Quality Limit - Field/High", "at its upper limit"
    LIMIT_FIELD_CONSTANT = "Quality Limit - Field/Constant", "cannot move"


class OPT(Vocabulary):
    """Whether a VEN takes part: what ``on_event`` returns."""

    OPT_IN = "optIn", "it takes part"
    OPT_OUT = "optOut", "it does not"


class OPT_REASON(Vocabulary):
    """Why a VEN opts in or out, for ``create_opt``. Your own begin with ``x-``."""

    ECONOMIC = "economic", "for money's sake"
    EMERGENCY = "emergency", "an emergency"
    MUST_RUN = "mustRun", "the load cannot be switched off now"
    NOT_PARTICIPATING = "notParticipating", "the site does not take part"
    OUTAGE_RUN_STATUS = "outageRunStatus", "an outage, or running because of one"
    OVERRIDE_STATUS = "overrideStatus", "somebody took over by hand"
    PARTICIPATING = "participating", "the site takes part"
    X_SCHEDULE = "x-schedule", "a schedule says so"


class RESPONSE_REQUIRED(Vocabulary):
    """Whether the VTN wants an answer to an event."""

    ALWAYS = "always", "it does: the handler's decision is sent"
    NEVER = "never", "it does not: nothing is sent"


class SIGNAL_TARGET_MRID(Vocabulary):
    """Classes of devices that are well known; the schema does not enumerate them."""

    THERMOSTAT = "Thermostat", "thermostat"
    STRIP_HEATER = "Strip_Heater", "electric strip heater"
    BASEBOARD_HEATER = "Baseboard_Heater", "electric baseboard heater"
    WATER_HEATER = "Water_Heater", "boiler for hot water"
    POOL_PUMP = "Pool_Pump", "pump of a swimming pool"
    SAUNA = "Sauna", "sauna"
    HOT_TUB = "Hot_tub", "heated tub"
    SMART_APPLIANCE = "Smart_Appliance", "household machine that can be told"
    IRRIGATION_PUMP = "Irrigation_Pump", "pump that waters fields"
    MANAGED_COMMERCIAL_AND_INDUSTRIAL_LOADS = (
        "Managed_Commercial_and_Industrial_Loads",
        "loads of a business under one controller",
    )
    SIMPLE_RESIDENTIAL_ON_OFF_LOADS = (
        "Simple_Residential_On_Off_Loads",
        "household loads that are on or off",
    )
    EXTERIOR_LIGHTING = "Exterior_Lighting", "lights outdoors"
    INTERIOR_LIGHTING = "Interior_Lighting", "lights indoors"
    ELECTRIC_VEHICLE = "Electric_Vehicle", "electric vehicle"
    GENERATION_SYSTEMS = "Generation_Systems", "generators"
    LOAD_CONTROL_SWITCH = "Load_Control_Switch", "switch of a controlled load"
    SMART_INVERTER = "Smart_Inverter", "inverter that can be told"
    EVSE = "EVSE", "charging point for vehicles"
    RESU = "RESU", "residential energy storage unit, a home battery"
    ENERGY_MANAGEMENT_SYSTEM = "Energy_Management_System", "energy management of a whole site"
    SMART_ENERGY_MODULE = "Smart_Energy_Module", "module that connects an appliance"
    STORAGE = "Storage", "energy storage"


class STATUS_CODES(Vocabulary):
    """Response codes. Only the first digit decides: 2 is yes, anything else is no."""

    OK = "200", "done"
    OUT_OF_SEQUENCE = "450", "not at this point of the conversation"
    NOT_ALLOWED = "451", "the other side does not do this"
    INVALID_ID = "452", "an ID that is not known"
    NOT_RECOGNIZED = "453", "not understood"
    INVALID_DATA = "454", "a value that cannot be right"
    COMPLIANCE_ERROR = "459", "against the standard, or against its security"
    SIGNAL_NOT_SUPPORTED = "460", "the VEN does not know this signal"
    REPORT_NOT_SUPPORTED = "461", "there is no such report"
    TARGET_MISMATCH = "462", "the event is for none of this VEN's resources"
    NOT_REGISTERED_OR_AUTHORIZED = "463", "register first, or no right to this"
    DEPLOYMENT_ERROR_OR_OTHER_ERROR = "469", "against the rules of the programme, or anything else"
    RESPONDER_FAILED = "500", "the one who answers failed"


class SECURITY_LEVEL(Vocabulary):
    """The two levels of the standard. Not a value on the wire."""

    STANDARD = "STANDARD", "TLS with certificates on both sides"
    HIGH = "HIGH", "TLS, and every message signed"


class SI_SCALE_CODE(Vocabulary):
    """What stands before a unit."""

    p = "p", "pico, 10^-12"
    n = "n", "nano, 10^-9"
    micro = "micro", "micro, 10^-6"
    m = "m", "milli, 10^-3"
    c = "c", "centi, 10^-2"
    d = "d", "deci, 10^-1"
    k = "k", "kilo, 10^3"
    M = "M", "mega, 10^6"
    G = "G", "giga, 10^9"
    T = "T", "tera, 10^12"
    none = "none", "the unit as it is"


class PROFILE_NAME(Vocabulary):
    """Profiles that a VTN may offer."""

    V20A = "2.0a", "2.0a, which this client does not speak"
    V20B = "2.0b", "2.0b, which it speaks"


class TRANSPORT_NAME(Vocabulary):
    """Transports that a VTN may offer."""

    SIMPLE_HTTP = "simpleHttp", "HTTP, which this client speaks"
    XMPP = "xmpp", "XMPP, which it does not"


class SERVICE_NAME(Vocabulary):
    """The services of a VTN; each is the end of a URL."""

    EI_EVENT = "EiEvent", "events and their answers"
    EI_OPT = "EiOpt", "opts that are not answers"
    EI_REPORT = "EiReport", "reports, their requests and data"
    EI_REGISTER_PARTY = "EiRegisterParty", "registration"
    OADR_POLL = "OadrPoll", "what is new for this VEN"


class MEASUREMENTS(Vocabulary):
    """What can be measured: names of the schema's units, for ``add_report(measurement=)``.
    ``ven_sdk.objects.Measurement.named`` makes a measurement of one.
    """

    VOLTAGE = "voltage", "V"
    CURRENT = "current", "A"
    FREQUENCY = "frequency", "Hz"
    ENERGY_REAL = "energyReal", "Wh"
    REAL_ENERGY = "energyReal"
    ACTIVE_ENERGY = "energyReal"
    ENERGY_REACTIVE = "energyReactive", "VARh"
    REACTIVE_ENERGY = "energyReactive"
    ENERGY_APPARENT = "energyApparent", "VAh"
    APPARENT_ENERGY = "energyApparent"
    POWER_REAL = "powerReal", "W"
    REAL_POWER = "powerReal"
    ACTIVE_POWER = "powerReal"
    POWER_REACTIVE = "powerReactive", "VAR"
    REACTIVE_POWER = "powerReactive"
    POWER_APPARENT = "powerApparent", "VA"
    APPARENT_POWER = "powerApparent"
    CURRENCY = "currency", "an amount of money; needs ``unit``, one of ``CURRENCIES``"
    CURRENCY_PER_KW = "currencyPerKW", "money per kW; needs ``unit``"
    CURRENCY_PER_KWH = "currencyPerKWh", "money per kWh; needs ``unit``"
    CURRENCY_PER_THM = "currencyPerThm", "money per therm; needs ``unit``"
    TEMPERATURE = "temperature", "celsius or fahrenheit"
    THERM = "Therm", "therms of gas"
    PULSE_COUNT = "pulseCount", "pulses of a meter; one pulse is what its factor says"
    CUSTOM_UNIT = "customUnit", "a unit of your own: give its name as measurement, and ``unit``"


_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD "
    "BTN BWP BYR BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP "
    "DZD EEK EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GWP GYD HKD HNL HRK HTG HUF "
    "IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD "
    "LSL LTL LVL LYD MAD MDL MGA MKD MMK MNT MOP MRO MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
    "NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD "
    "SHP SLL SOS SRD STD SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN USS "
    "UYI UYU UZS VEF VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XDR XFU XOF XPD XPF XPT XTS "
    "XXX YER ZAR ZMK ZWL"
)
CURRENCIES: tuple[str, ...] = tuple(_CODES.split())
"""The currency codes that the schema knows: the list of 2010. Later ones cannot be written."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        from .near_names import missing_name

        raise missing_name(__name__, name, __all__)
