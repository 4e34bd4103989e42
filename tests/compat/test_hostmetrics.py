"""The hostmetrics receiver tells the same series in both programs: names, kinds, units, descriptions, attributes; and values that change slowly."""
import unittest

from peer import *

OFF = {"cpu": ["system.cpu.utilization", "system.cpu.physical.count", "system.cpu.frequency"],
       "memory": ["system.memory.utilization", "system.memory.limit", "system.memory.page_size", "system.memory.linux.shared", "system.linux.memory.available", "system.linux.memory.dirty",
                  *("system.memory.linux.hugepages." + name for name in ("limit", "page_size", "reserved", "surplus", "usage", "utilization"))],
       "filesystem": ["system.filesystem.utilization"], "network": ["system.network.conntrack.count", "system.network.conntrack.max"], "paging": ["system.paging.utilization"],
       "process": ["process." + name for name in ("cpu.utilization", "context_switches", "disk.operations", "handles", "memory.utilization", "open_file_descriptors", "paging.faults", "signals_pending", "threads", "uptime")],
       "disk": [], "load": [], "nfs": [], "processes": [], "system": []}
STEADY = re.compile(r"system\.cpu\.(logical|physical)|memory\.limit|page_size|hugepages|conntrack\.max|process\.threads")

# What is about the same a few seconds later, on a machine on which others work.
SLOW = re.compile(r"system\.(cpu\.time|cpu\.frequency|memory|linux\.memory|disk\.(io'|operations|merged|operation_time)|filesystem|network\.(io|packets|errors|dropped)|paging|uptime|processes\.created)")


class HostMetrics(Differential):
    def test_series(self):
        scrapers = {name: {"metrics": {metric: {"enabled": True} for metric in metrics}} if metrics else {} for name, metrics in OFF.items()}
        with open("/proc/self/comm") as f:
            name = f.read().rstrip("\n")
        scrapers["process"].update(mute_process_all_errors=True, include={"match_type": "strict", "names": [name]},
                                   resource_attributes={"process.cgroup": {"enabled": True}})
        views = self.check(scrapers)
        self.assertTrue(any("process.cpu.time" in key for key in views[1]))
        for key in views[0].keys() & views[1].keys():
            if STEADY.search(key):
                self.assertEqual(*[view[key].get("point.asInt") for view in views], key)
            elif SLOW.search(key):
                values = [float(view[key].get("point.asInt") or view[key].get("point.asDouble")) for view in views]
                self.assertAlmostEqual(*values, delta=0.15 * max(map(abs, values)) + (300e6 if "'By'" in key else 0.15), msg=key)

    def check(self, scrapers):
        """The series of both, which are the same."""
        config = "receivers: {hostmetrics: {collection_interval: 1s, initial_delay: 0s, scrapers: %s}}\n%s" % (json.dumps(scrapers), EXPORTER)
        config += "service: {pipelines: {metrics: {receivers: [hostmetrics], exporters: [otlphttp]}}}\n"
        views = []
        for outcome in self.both(config, [], until=lambda sink: len(sink.requests) >= 3):
            views.append({self.series(record): record for record in outcome.records(ignore=[r"(?i)timeUnixNano$", r"^scope.version"])})
        # Other processes come and go, and so do the states of all.
        here = [[json.loads(key)[1:] for key in sorted(view) if ("process.pid" not in key or "process.pid]=%d\"" % os.getpid() in key) and "system.processes.count" not in key] for view in views]
        here = [[dict(field.split("=", 1) for field in key) for key in view] for view in here]
        found = difference(*here)
        if found:
            self.fail(found)
        return views

    def test_filters(self):
        with open("/proc/self/comm") as f:
            name = f.read().rstrip("\n")
        choice = lambda kind, what, *names: {"match_type": kind, what: list(names)}
        rows = [
            {"disk": {"include": choice("regexp", "devices", "^(v|s|n)[a-z]+")}, "network": {"exclude": choice("strict", "interfaces", "lo")}, "load": {"cpu_average": True},
             "filesystem": {"exclude_fs_types": choice("strict", "fs_types", "overlay"), "include_mount_points": choice("regexp", "mount_points", "^/(etc|run)?")}},
            {"disk": {"exclude": choice("regexp", "devices", "loop", "ram")}, "network": {"include": choice("regexp", "interfaces", "^e", "lo")},
             "filesystem": {"include_virtual_filesystems": True, "exclude_mount_points": choice("regexp", "mount_points", "^/(proc|sys)(/|$)", "^/dev").copy(), "exclude_devices": choice("strict", "devices", "tmpfs")}},
            {"cpu": {"metrics": {"system.cpu.time": {"attributes": ["cpu"]}}}, "memory": {"metrics": {"system.memory.usage": {"enabled": False}, "system.memory.utilization": {"enabled": True, "attributes": []}}},
             "disk": {"metrics": {"system.disk.io": {"attributes": ["direction"], "aggregation_strategy": "max"}}}, "paging": {"metrics": {"system.paging.faults": {"enabled": False}}}},
            {"process": {"include": choice("regexp", "names", "^%s$" % re.escape(name)), "mute_process_all_errors": True, "resource_attributes": {"process.command_line": {"enabled": False}, "process.owner": {"enabled": False}},
                         "metrics": {"process.cpu.time": {"enabled": False}, "process.threads": {"enabled": True}, "process.uptime": {"enabled": True}}}},
            {"process": {"exclude": choice("regexp", "names", ".*"), "mute_process_name_error": True}, "system": {}},
        ]
        for scrapers in rows:
            with self.subTest(scrapers=scrapers):
                self.check(json.loads(json.dumps(scrapers).replace("$", "$$")))

    @staticmethod
    def series(record):
        kind = "int" if "point.asInt" in record else "double"
        return json.dumps([kind, "point.type=" + kind, *sorted("%s=%s" % pair for pair in record.items() if not re.match(r"point\.as(Int|Double)", pair[0]))])


if __name__ == "__main__":
    unittest.main()
