"""The vocabularies of OpenADR 2.0b, for users to write and compare with. Values come from the
official schema.

Every class is a ``str`` enum whose ``str()`` and f-string give the value; ``.values`` lists the
values and ``.members`` the names, aliases included. Received messages hold plain ``str``, which
compare equal. Nothing here runs in a thread.
"""

from __future__ import annotations

from enum import Enum, EnumMeta

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


class _VocabularyType(EnumMeta):
    """Gives the classes themselves ``values`` and ``members``."""

    @property
    def members(cls) -> list[str]:
        """The names, sorted, aliases included."""
        return sorted(cls.__members__)

    @property
    def values(cls) -> list[str]:
        """The values in the order of the schema, each once, as plain ``str``."""
        return [str.__str__(member.value) for member in cls]  # type: ignore[var-annotated]


class Vocabulary(str, Enum, metaclass=_VocabularyType):
    """Base of the vocabularies: a member is its value wherever a ``str`` is wanted."""

    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]


class EVENT_STATUS(Vocabulary):
    NONE = "none"
    FAR = "far"
    NEAR = "near"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class SIGNAL_NAME(Vocabulary):
    SIMPLE = "SIMPLE"
    simple = "simple"
    ELECTRICITY_PRICE = "ELECTRICITY_PRICE"
    ENERGY_PRICE = "ENERGY_PRICE"
    DEMAND_CHARGE = "DEMAND_CHARGE"
    BID_PRICE = "BID_PRICE"
    BID_LOAD = "BID_LOAD"
    BID_ENERGY = "BID_ENERGY"
    CHARGE_STATE = "CHARGE_STATE"
    LOAD_DISPATCH = "LOAD_DISPATCH"
    LOAD_CONTROL = "LOAD_CONTROL"


class SIGNAL_TYPE(Vocabulary):
    DELTA = "delta"
    LEVEL = "level"
    MULTIPLIER = "multiplier"
    PRICE = "price"
    PRICE_MULTIPLIER = "priceMultiplier"
    PRICE_RELATIVE = "priceRelative"
    SETPOINT = "setpoint"
    X_LOAD_CONTROL_CAPACITY = "x-loadControlCapacity"
    X_LOAD_CONTROL_LEVEL_OFFSET = "x-loadControlLevelOffset"
    X_LOAD_CONTROL_PERCENT_OFFSET = "x-loadControlPercentOffset"
    X_LOAD_CONTROL_SETPOINT = "x-loadControlSetpoint"


class REPORT_NAME(Vocabulary):
    METADATA_HISTORY_USAGE = "METADATA_HISTORY_USAGE"
    HISTORY_USAGE = "HISTORY_USAGE"
    METADATA_HISTORY_GREENBUTTON = "METADATA_HISTORY_GREENBUTTON"
    HISTORY_GREENBUTTON = "HISTORY_GREENBUTTON"
    METADATA_TELEMETRY_USAGE = "METADATA_TELEMETRY_USAGE"
    TELEMETRY_USAGE = "TELEMETRY_USAGE"
    METADATA_TELEMETRY_STATUS = "METADATA_TELEMETRY_STATUS"
    TELEMETRY_STATUS = "TELEMETRY_STATUS"


class REPORT_TYPE(Vocabulary):
    READING = "reading"
    USAGE = "usage"
    DEMAND = "demand"
    SET_POINT = "setPoint"
    DELTA_USAGE = "deltaUsage"
    DELTA_SET_POINT = "deltaSetPoint"
    DELTA_DEMAND = "deltaDemand"
    BASELINE = "baseline"
    DEVIATION = "deviation"
    AVG_USAGE = "avgUsage"
    AVG_DEMAND = "avgDemand"
    OPERATING_STATE = "operatingState"
    UP_REGULATION_CAPACITY_AVAILABLE = "upRegulationCapacityAvailable"
    DOWN_REGULATION_CAPACITY_AVAILABLE = "downRegulationCapacityAvailable"
    REGULATION_SETPOINT = "regulationSetpoint"
    STORED_ENERGY = "storedEnergy"
    TARGET_ENERGY_STORAGE = "targetEnergyStorage"
    AVAILABLE_ENERGY_STORAGE = "availableEnergyStorage"
    PRICE = "price"
    LEVEL = "level"
    POWER_FACTOR = "powerFactor"
    PERCENT_USAGE = "percentUsage"
    PERCENT_DEMAND = "percentDemand"
    X_RESOURCE_STATUS = "x-resourceStatus"


class READING_TYPE(Vocabulary):
    DIRECT_READ = "Direct Read"
    NET = "Net"
    ALLOCATED = "Allocated"
    ESTIMATED = "Estimated"
    SUMMED = "Summed"
    DERIVED = "Derived"
    MEAN = "Mean"
    PEAK = "Peak"
    HYBRID = "Hybrid"
    CONTRACT = "Contract"
    PROJECTED = "Projected"
    X_RMS = "x-RMS"
    X_NOT_APPLICABLE = "x-notApplicable"


class DATA_QUALITY(Vocabulary):
    NO_VALUE = "No Quality - No Value"
    PREVIOUS_VALUE_USED = "No New Value - Previous Value Used"
    BAD_NON_SPECIFIC = "Quality Bad - Non Specific"
    BAD_CONFIGURATION_ERROR = "Quality Bad - Configuration Error"
    BAD_NOT_CONNECTED = "Quality Bad - Not Connected"
    BAD_DEVICE_FAILURE = "Quality Bad - Device Failure"
    BAD_SENSOR_FAILURE = "Quality Bad - Sensor Failure"
    BAD_LAST_KNOWN_VALUE = "Quality Bad - Last Known Value"
    BAD_COMM_FAILURE = "Quality Bad - Comm Failure"
    BAD_OUT_OF_SERVICE = "Quality Bad - Out of Service"
    UNCERTAIN_NON_SPECIFIC = "Quality Uncertain - Non Specific"
    UNCERTAIN_LAST_USABLE_VALUE = "Quality Uncertain - Last Usable Value"
    UNCERTAIN_SENSOR_NOT_ACCURATE = "Quality Uncertain - Sensor Not Accurate"
    UNCERTAIN_EU_UNITS_EXCEEDED = "Quality Uncertain - EU Units Exceeded"
    UNCERTAIN_SUB_NORMAL = "Quality Uncertain - Sub Normal"
    GOOD_NON_SPECIFIC = "Quality Good - Non Specific"
    GOOD_LOCAL_OVERRIDE = "Quality Good - Local Override"
    LIMIT_FIELD_NOT = "Quality Limit - Field/Not"
    LIMIT_FIELD_LOW = "Quality Limit - Field/Low"
    LIMIT_FIELD_HIGH = "Quality Limit - Field/High"
    LIMIT_FIELD_CONSTANT = "Quality Limit - Field/Constant"


class OPT(Vocabulary):
    OPT_IN = "optIn"
    OPT_OUT = "optOut"


class OPT_REASON(Vocabulary):
    ECONOMIC = "economic"
    EMERGENCY = "emergency"
    MUST_RUN = "mustRun"
    NOT_PARTICIPATING = "notParticipating"
    OUTAGE_RUN_STATUS = "outageRunStatus"
    OVERRIDE_STATUS = "overrideStatus"
    PARTICIPATING = "participating"
    X_SCHEDULE = "x-schedule"


class RESPONSE_REQUIRED(Vocabulary):
    ALWAYS = "always"
    NEVER = "never"


class SIGNAL_TARGET_MRID(Vocabulary):
    """Well-known device classes; the schema does not enumerate them."""

    THERMOSTAT = "Thermostat"
    STRIP_HEATER = "Strip_Heater"
    BASEBOARD_HEATER = "Baseboard_Heater"
    WATER_HEATER = "Water_Heater"
    POOL_PUMP = "Pool_Pump"
    SAUNA = "Sauna"
    HOT_TUB = "Hot_tub"
    SMART_APPLIANCE = "Smart_Appliance"
    IRRIGATION_PUMP = "Irrigation_Pump"
    MANAGED_COMMERCIAL_AND_INDUSTRIAL_LOADS = "Managed_Commercial_and_Industrial_Loads"
    SIMPLE_RESIDENTIAL_ON_OFF_LOADS = "Simple_Residential_On_Off_Loads"
    EXTERIOR_LIGHTING = "Exterior_Lighting"
    INTERIOR_LIGHTING = "Interior_Lighting"
    ELECTRIC_VEHICLE = "Electric_Vehicle"
    GENERATION_SYSTEMS = "Generation_Systems"
    LOAD_CONTROL_SWITCH = "Load_Control_Switch"
    SMART_INVERTER = "Smart_Inverter"
    EVSE = "EVSE"
    RESU = "RESU"
    ENERGY_MANAGEMENT_SYSTEM = "Energy_Management_System"
    SMART_ENERGY_MODULE = "Smart_Energy_Module"
    STORAGE = "Storage"


class STATUS_CODES(Vocabulary):
    """Response codes. Only the first digit decides (rule G9)."""

    OK = "200"
    OUT_OF_SEQUENCE = "450"
    NOT_ALLOWED = "451"
    INVALID_ID = "452"
    NOT_RECOGNIZED = "453"
    INVALID_DATA = "454"
    COMPLIANCE_ERROR = "459"
    SIGNAL_NOT_SUPPORTED = "460"
    REPORT_NOT_SUPPORTED = "461"
    TARGET_MISMATCH = "462"
    NOT_REGISTERED_OR_AUTHORIZED = "463"
    DEPLOYMENT_ERROR_OR_OTHER_ERROR = "469"
    RESPONDER_FAILED = "500"


class SECURITY_LEVEL(Vocabulary):
    """The two levels of the standard: TLS alone, or signed messages besides (rules S). Not a value
    on the wire.
    """

    STANDARD = "STANDARD"
    HIGH = "HIGH"


class SI_SCALE_CODE(Vocabulary):
    p = "p"
    n = "n"
    micro = "micro"
    m = "m"
    c = "c"
    d = "d"
    k = "k"
    M = "M"
    G = "G"
    T = "T"
    none = "none"


class PROFILE_NAME(Vocabulary):
    V20A = "2.0a"
    V20B = "2.0b"


class TRANSPORT_NAME(Vocabulary):
    SIMPLE_HTTP = "simpleHttp"
    XMPP = "xmpp"


class SERVICE_NAME(Vocabulary):
    EI_EVENT = "EiEvent"
    EI_OPT = "EiOpt"
    EI_REPORT = "EiReport"
    EI_REGISTER_PARTY = "EiRegisterParty"
    OADR_POLL = "OadrPoll"


class MEASUREMENTS(Vocabulary):
    """Names of the unit elements; ``ven_sdk.objects.Measurement.named`` makes a measurement of
    one.
    """

    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"
    ENERGY_REAL = "energyReal"
    REAL_ENERGY = "energyReal"
    ACTIVE_ENERGY = "energyReal"
    ENERGY_REACTIVE = "energyReactive"
    REACTIVE_ENERGY = "energyReactive"
    ENERGY_APPARENT = "energyApparent"
    APPARENT_ENERGY = "energyApparent"
    POWER_REAL = "powerReal"
    REAL_POWER = "powerReal"
    ACTIVE_POWER = "powerReal"
    POWER_REACTIVE = "powerReactive"
    REACTIVE_POWER = "powerReactive"
    POWER_APPARENT = "powerApparent"
    APPARENT_POWER = "powerApparent"
    CURRENCY = "currency"
    CURRENCY_PER_KW = "currencyPerKW"
    CURRENCY_PER_KWH = "currencyPerKWh"
    CURRENCY_PER_THM = "currencyPerThm"
    TEMPERATURE = "temperature"
    THERM = "Therm"
    PULSE_COUNT = "pulseCount"
    CUSTOM_UNIT = "customUnit"


_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN "
    "BWP BYR BZD CAD CDF CHE "
    "CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EEK EGP ERN ETB EUR FJD FKP "
    "GBP GEL GHS GIP GMD GNF "
    "GTQ GWP GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW "
    "KWD KYD KZT LAK LBP LKR "
    "LRD LSL LTL LVL LYD MAD MDL MGA MKD MMK MNT MOP MRO MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
    "NOK NPR NZD OMR PAB PEN "
    "PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SOS SRD STD SVC SYP "
    "SZL THB TJS TMT TND TOP "
    "TRY TTD TWD TZS UAH UGX USD USN USS UYI UYU UZS VEF VND VUV WST XAF XAG XAU XBA XBB XBC XBD "
    "XCD XDR XFU XOF XPD XPF "
    "XPT XTS XXX YER ZAR ZMK ZWL"
)
CURRENCIES: tuple[str, ...] = tuple(_CODES.split())
"""The currency codes that the schema knows: the list of 2010. Later ones cannot be written."""
