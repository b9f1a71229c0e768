"""The row of declarations only: what no message shows."""

from __future__ import annotations

from .rows import declare, row
from .trial import Trial

ASKED = {
    "ramp_up": "ramp-up and recovery are followed by the devices, or not",
    "clock_skew": "how far the clocks of VEN and VTN may be apart",
    "overlap": "what happens when events overlap",
    "custom_names": "names of one's own that begin with x-",
    "upgrades": "how the software is upgraded when an algorithm falls",
    "fingerprint": "how the fingerprint is handed out with the device",
    "pki": "whose certificates the VEN has",
}


@row(80, "what only its author can say", "D", "CR 18, 31, 114, §10", pics="A, B, C, D, E, F, G, H")
def declarations(trial: Trial) -> str:
    said = {name: trial.run.declared[name] for name in ASKED if trial.run.declared.get(name)}
    missing = [f"{name} ({ASKED[name]})" for name in ASKED if name not in said]
    told = "; ".join(f"{name}: {word}" for name, word in said.items())
    if missing:
        declare(f"{told}{'. ' if told else ''}To be declared under [certify]: {', '.join(missing)}")
    declare(told)
