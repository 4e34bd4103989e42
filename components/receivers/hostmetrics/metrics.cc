#include "components/receivers/hostmetrics/metrics.h"

namespace weir::receivers::hostmetrics {
namespace {

constexpr bool on = true, off = false, sum = true, gauge = false, monotonic = true, plain = false, integer = true, real = false;
constexpr points::MetricInfo metrics[] = {
    {"system.cpu.time", "s", "Total seconds each logical CPU spent on each mode.", sum, monotonic, real, on, "(cpu),state"},
    {"system.cpu.utilization", "1", "Difference in system.cpu.time since the last measurement per logical CPU, divided by the elapsed time (value in interval [0,1]).", gauge, plain, real, off, "(cpu),state"},
    {"system.cpu.logical.count", "{cpu}", "Number of available logical CPUs.", sum, plain, integer, on},
    {"system.cpu.physical.count", "{cpu}", "Number of available physical CPUs.", sum, plain, integer, off},
    {"system.cpu.frequency", "Hz", "Current frequency of the CPU core in Hz.", gauge, plain, real, off, "cpu"},
    {"system.cpu.load_average.1m", "{thread}", "Average CPU Load over 1 minute.", gauge, plain, real, on},
    {"system.cpu.load_average.5m", "{thread}", "Average CPU Load over 5 minutes.", gauge, plain, real, on},
    {"system.cpu.load_average.15m", "{thread}", "Average CPU Load over 15 minutes.", gauge, plain, real, on},
    {"system.memory.usage", "By", "Bytes of memory in use.", sum, plain, integer, on, "state"},
    {"system.memory.utilization", "1", "Percentage of memory bytes in use.", gauge, plain, real, off, "state"},
    {"system.memory.limit", "By", "Total bytes of memory available.", sum, plain, integer, off},
    {"system.memory.page_size", "By", "A constant value for the system's configured page size.", gauge, plain, integer, off},
    {"system.memory.linux.shared", "By", "Shared memory usage, including tmpfs filesystems and System V/POSIX shared memory. Only supported on Linux.", sum, plain, integer, off},
    {"system.linux.memory.available", "By", "An estimate of how much memory is available for starting new applications, without swapping. This is a more accurate alternative than system.memory.usage with state=free. (Linux only)", sum, plain, integer, off},
    {"system.linux.memory.dirty", "By", "The amount of dirty memory according to `/proc/meminfo`.", sum, plain, integer, off},
    {"system.memory.linux.hugepages.limit", "{page}", "Total number of hugepages available.", sum, plain, integer, off},
    {"system.memory.linux.hugepages.page_size", "By", "System hugepage size in bytes.", sum, plain, integer, off},
    {"system.memory.linux.hugepages.reserved", "{page}", "Number of reserved hugepages (hugepages for which a commitment to allocate has been made, but no allocation has yet been made). This is reported as a separate metric rather than a usage state because reserved pages are already counted in free pages - they represent a subset of free pages that cannot be used for non-reserved allocations.", sum, plain, integer, off},
    {"system.memory.linux.hugepages.surplus", "{page}", "Number of surplus hugepages (overcommitted hugepages beyond the persistent pool). This is reported as a separate metric rather than a usage state because surplus pages can be in either used or free state, and including them would break the semantic convention that usage states must sum to the limit.", sum, plain, integer, off},
    {"system.memory.linux.hugepages.usage", "{page}", "Number of hugepages in use by state.", sum, plain, integer, off, "system.memory.linux.hugepages.state"},
    {"system.memory.linux.hugepages.utilization", "1", "Percentage of hugepages in use by state.", gauge, plain, real, off, "system.memory.linux.hugepages.state"},
    {"system.disk.io", "By", "Disk bytes transferred.", sum, monotonic, integer, on, "device,direction"},
    {"system.disk.operations", "{operations}", "Disk operations count.", sum, monotonic, integer, on, "device,direction"},
    {"system.disk.io_time", "s", "Time disk spent activated. On Windows, this is calculated as the inverse of disk idle time.", sum, monotonic, real, on, "device"},
    {"system.disk.operation_time", "s", "Time spent in disk operations.", sum, monotonic, real, on, "device,direction"},
    {"system.disk.weighted_io_time", "s", "Time disk spent activated multiplied by the queue length.", sum, monotonic, real, on, "device"},
    {"system.disk.pending_operations", "{operations}", "The queue size of pending I/O operations.", sum, plain, integer, on, "device"},
    {"system.disk.merged", "{operations}", "The number of disk reads/writes merged into single physical disk access operations.", sum, monotonic, integer, on, "device,direction"},
    {"system.filesystem.usage", "By", "Filesystem bytes used.", sum, plain, integer, on, "device,mode,mountpoint,type,state"},
    {"system.filesystem.inodes.usage", "{inodes}", "FileSystem inodes used.", sum, plain, integer, on, "device,mode,mountpoint,type,state"},
    {"system.filesystem.utilization", "1", "Fraction of filesystem bytes used.", gauge, plain, real, off, "device,mode,mountpoint,type"},
    {"system.network.io", "By", "The number of bytes transmitted and received.", sum, monotonic, integer, on, "device,direction"},
    {"system.network.packets", "{packets}", "The number of packets transferred.", sum, monotonic, integer, on, "device,direction"},
    {"system.network.errors", "{errors}", "The number of errors encountered.", sum, monotonic, integer, on, "device,direction"},
    {"system.network.dropped", "{packets}", "The number of packets dropped.", sum, monotonic, integer, on, "device,direction"},
    {"system.network.connections", "{connections}", "The number of connections.", sum, plain, integer, on, "protocol,state"},
    {"system.network.conntrack.count", "{entries}", "The count of entries in conntrack table.", sum, plain, integer, off},
    {"system.network.conntrack.max", "{entries}", "The limit for entries in the conntrack table.", sum, plain, integer, off},
    {"system.paging.usage", "By", "Swap (unix) or pagefile (windows) usage.", sum, plain, integer, on, "device,state"},
    {"system.paging.utilization", "1", "Swap (unix) or pagefile (windows) utilization.", gauge, plain, real, off, "device,state"},
    {"system.paging.operations", "{operations}", "The number of paging operations.", sum, monotonic, integer, on, "direction,type"},
    {"system.paging.faults", "{faults}", "The number of page faults.", sum, monotonic, integer, on, "type"},
    {"system.processes.count", "{processes}", "Total number of processes in each state.", sum, plain, integer, on, "status"},
    {"system.processes.created", "{processes}", "Total number of created processes. Supported on Linux and OpenBSD.", sum, monotonic, integer, on},
    {"process.cpu.time", "s", "Total CPU seconds broken down by different states.", sum, monotonic, real, on, "state"},
    {"process.cpu.utilization", "1", "Percentage of total CPU time used by the process since last scrape, expressed as a value between 0 and 1. On the first scrape, no data point is emitted for this metric.", gauge, plain, real, off, "state"},
    {"process.context_switches", "{count}", "Number of times the process has been context switched.", sum, monotonic, integer, off, "type"},
    {"process.handles", "{count}", "Number of open handles held by the process.", sum, plain, integer, off},
    {"process.memory.utilization", "1", "Percentage of total physical memory that is used by the process.", gauge, plain, real, off},
    {"process.open_file_descriptors", "{count}", "Number of file descriptors in use by the process.", sum, plain, integer, off},
    {"process.signals_pending", "{signals}", "Number of pending signals for the process.", sum, plain, integer, off},
    {"process.memory.usage", "By", "The amount of physical memory in use.", sum, plain, integer, on},
    {"process.memory.virtual", "By", "Virtual memory size.", sum, plain, integer, on},
    {"process.disk.io", "By", "Disk bytes transferred.", sum, monotonic, integer, on, "direction"},
    {"process.disk.operations", "{operations}", "Number of disk operations performed by the process.", sum, monotonic, integer, off, "direction"},
    {"process.threads", "{threads}", "Process threads count.", sum, plain, integer, off},
    {"process.paging.faults", "{faults}", "Number of page faults the process has made.", sum, monotonic, integer, off, "type"},
    {"process.uptime", "s", "The time the process has been running.", gauge, plain, real, off},
    {"system.uptime", "s", "The time the system has been running", gauge, plain, real, on},
};

}  // namespace

points::Table table() { return metrics; }

}  // namespace weir::receivers::hostmetrics
