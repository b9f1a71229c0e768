"""The case list: (id, group, unit, better, command for the worker). Times in µs unless the unit
says otherwise.
"""


def cases(http, https, quick=False):
    b = 0.1 if quick else 0.15
    out = []

    def add(id_, unit, field, **cmd):
        out.append((id_, unit, field, cmd))

    for n_id, kind, n in (
        ("poll", "poll", 1),
        ("created1", "created", 1),
        ("created20", "created", 20),
        ("update1", "update", 1),
        ("update100", "update", 100),
        ("update10000", "update", 10000),
    ):
        add(f"build/{n_id}/unsigned", "us", "us", do="build", kind=kind, n=n, key=None, budget=b)
        add(f"build/{n_id}/rsa2048", "us", "us", do="build", kind=kind, n=n, key="rsa2048", budget=b)
    for key in ("rsa2048-pass", "rsa4096", "rsa4096-pass", "ec256", "ec256-pass"):
        add(f"build/poll/{key}", "us", "us", do="build", kind="poll", n=1, key=key, budget=b)
    add("build/created20/ec256", "us", "us", do="build", kind="created", n=20, key="ec256", budget=b)
    for n_id, kind, n in (
        ("response", "response", 1),
        ("registration", "registration", 1),
        ("events1", "distribute", 1),
        ("events20", "distribute", 20),
        ("events500", "distribute", 500),
    ):
        add(f"parse/{n_id}/plain", "us", "us", do="parse", kind=kind, n=n, schema=False, verify=False, budget=b)
        add(f"parse/{n_id}/xsd", "us", "us", do="parse", kind=kind, n=n, schema=True, verify=False, budget=b)
        add(f"parse/{n_id}/xsd+signature", "us", "us", do="parse", kind=kind, n=n, schema=True, verify=True, budget=b)
    k = 100 if quick else 600
    for net, base, tls in (("http", http, False), ("mtls", https, True)):
        for sig, key in (("unsigned", None), ("rsa2048", "rsa2048"), ("ec256", "ec256")):
            kk = k if not key else 30 if key == "rsa2048" else max(30, k // 4)
            url = f"{base}/empty{'-signed' if key else ''}/OpenADR2/Simple/2.0b"
            add(f"poll/{net}/{sig}", "1/s", "per_s", do="poll", url=url, tls=tls, key=key, k=kk)
            out[-1] += ({"cpu": ("us", "cpu_us"), "p50": ("us", "p50_us"), "p99": ("us", "p99_us")},)
    for net, base, tls in (("http", http, False), ("mtls", https, True)):
        add(f"client/{net}/unsigned", "us", "cpu_us", do="pooled", url=f"{base}/empty/OpenADR2/Simple/2.0b", tls=tls, key=None, k=k // 2)
    for net, base, tls, key in (
        ("http", http, False, None),
        ("mtls", https, True, None),
        ("mtls", https, True, "ec256"),
        ("mtls", https, True, "rsa2048"),
    ):
        kk = 20 if key == "rsa2048" else k // 3
        url = f"{base}/event{'-signed' if key else ''}/OpenADR2/Simple/2.0b"
        add(f"turn/{net}/{key or 'unsigned'}", "us", "server_p50", do="poll", url=url, tls=tls, key=key, k=kk, turn=True)
        out[-1] += ({"server_p99": ("us", "server_p99"), "cpu": ("us", "cpu_us"), "round_p50": ("us", "p50_us")},)
    for n in (10, 1000, 10000):
        add(
            f"known/{n}/empty-poll",
            "us",
            "cpu_us",
            do="poll",
            url=f"{http}/empty/OpenADR2/Simple/2.0b",
            tls=False,
            key=None,
            k=k // 4,
            know=n,
        )
        add(
            f"known/{n}/poll-with-1-event",
            "us",
            "cpu_us",
            do="poll",
            url=f"{http}/eventno-{n - 1}/OpenADR2/Simple/2.0b",
            tls=False,
            key=None,
            k=k // 4,
            turn=True,
            know=n,
        )
        add(f"known/{n}/upkeep-tick", "us", "us", do="tick", url=http, know=n, budget=b)
    for n in (10, 100, 1000):
        add(
            f"known/{n}/poll-with-all",
            "us",
            "cpu_us",
            do="poll",
            url=f"{http}/events-{n}/OpenADR2/Simple/2.0b",
            tls=False,
            key=None,
            k=3 if n == 1000 else 10,
            turn=True,
            know=n,
        )
    return out
