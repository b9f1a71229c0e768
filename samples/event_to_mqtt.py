"""Events go to MQTT, readings come from it: ``openadr/level``, ``openadr/event/ID`` out,
``meters/NAME/power`` in.

MQTT is the broker (localhost:1883). Messages are retained, so that a device that comes later knows
what rules.
"""

import json
import os

import paho.mqtt.client as mqtt

from ven_sdk import OpenADRClient, enable_default_logging

METERS = ("kitchen", "heat-pump")


def connect(broker, on_reading):
    """A client of the broker that reconnects by itself; ``on_reading(name, value)`` hears the
    meters.
    """
    host, _, port = broker.partition(":")
    link = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="openadr-ven")
    link.on_connect = lambda link, *_: link.subscribe("meters/+/power", qos=1)
    link.on_message = lambda _, __, message: on_reading(
        message.topic.split("/")[1], message.payload
    )
    link.connect_async(host, int(port or 1883))
    link.loop_start()
    return link


def main():
    """Run until Ctrl-C."""
    enable_default_logging()
    client = OpenADRClient(
        ven_name="mqtt-ven", vtn_url=os.environ.get("VTN_URL", "http://localhost:8080")
    )
    for name in METERS:
        client.add_report(
            resource_id=name,
            measurement="powerReal",
            unit="W",
            r_id=name,
            report_type="usage",
            sampling_rate=1,
        )

    def take(name, payload):
        if name in METERS:
            client.report_value(name, float(payload))

    link = connect(os.environ.get("MQTT", "localhost:1883"), take)

    def tell(event, what):
        link.publish(
            f"openadr/event/{event.event_id}",
            json.dumps({"now": what, **json.loads(event.to_json())}),
            1,
            True,
        )
        link.publish("openadr/level", client.current_level(), 1, True)

    @client.on("on_event")
    def on_event(event):
        tell(event, "announced")
        return "optIn"

    client.add_handler("on_interval_start", lambda event, signal, interval: tell(event, "running"))
    client.add_handler("on_event_end", lambda event: tell(event, "ended"))
    client.add_handler("on_cancel_event", lambda event, implied: tell(event, "cancelled"))
    try:
        client.run()
    finally:
        link.loop_stop()
        link.disconnect()


if __name__ == "__main__":
    main()
