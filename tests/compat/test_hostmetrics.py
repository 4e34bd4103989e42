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


class HostMetrics(Differential):
    def test_series(self):
        scrapers = {name: {"metrics": {metric: {"enabled": True} for metric in metrics}} if metrics else {} for name, metrics in OFF.items()}
        with open("/proc/self/comm") as f:
            name = f.read().rstrip("\n")
        scrapers["process"].update(mute_process_all_errors=True, include={"match_type": "strict", "names": [name]},
                                   resource_attributes={"process.cgroup": {"enabled": True}})
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
        self.assertTrue(any(key["metric.name"] == "'process.cpu.time'" for key in here[1]))
        for key in views[0].keys() & views[1].keys():
            if STEADY.search(key):
                self.assertEqual(*[view[key].get("point.asInt") for view in views], key)

    @staticmethod
    def series(record):
        kind = "int" if "point.asInt" in record else "double"
        return json.dumps([kind, "point.type=" + kind, *sorted("%s=%s" % pair for pair in record.items() if not re.match(r"point\.as(Int|Double)", pair[0]))])


if __name__ == "__main__":
    unittest.main()
