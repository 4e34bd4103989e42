#include "components/receivers/hostmetrics/metrics.h"

namespace weir::receivers::hostmetrics {
namespace {

constexpr bool on = true, off = false, sum = true, gauge = false, monotonic = true, plain = false, integer = true, real = false;
constexpr points::MetricInfo metrics[] = {
    {"system.cpu.time", "s", "Total seconds each logical CPU spent on each mode.", sum, monotonic, real, on},
    {"system.cpu.utilization", "1", "Difference in system.cpu.time since the last measurement per logical CPU, divided by the elapsed time (value in interval [0,1]).", gauge, plain, real, off},
    {"system.cpu.logical.count", "{cpu}", "Number of available logical CPUs.", sum, plain, integer, on},
    {"system.cpu.load_average.1m", "{thread}", "Average CPU Load over 1 minute.", gauge, plain, real, on},
    {"system.cpu.load_average.5m", "{thread}", "Average CPU Load over 5 minutes.", gauge, plain, real, on},
    {"system.cpu.load_average.15m", "{thread}", "Average CPU Load over 15 minutes.", gauge, plain, real, on},
    {"system.memory.usage", "By", "Bytes of memory in use.", sum, plain, integer, on},
    {"system.memory.utilization", "1", "Percentage of memory bytes in use.", gauge, plain, real, off},
    {"system.memory.limit", "By", "Total bytes of memory available.", sum, plain, integer, off},
    {"system.memory.page_size", "By", "A constant value for the system's configured page size.", gauge, plain, integer, off},
    {"system.memory.linux.shared", "By", "Shared memory usage, including tmpfs filesystems and System V/POSIX shared memory. Only supported on Linux.", sum, plain, integer, off},
    {"system.linux.memory.available", "By", "An estimate of how much memory is available for starting new applications, without swapping. This is a more accurate alternative than system.memory.usage with state=free. (Linux only)", sum, plain, integer, off},
    {"system.linux.memory.dirty", "By", "The amount of dirty memory according to `/proc/meminfo`.", sum, plain, integer, off},
    {"system.disk.io", "By", "Disk bytes transferred.", sum, monotonic, integer, on},
    {"system.disk.operations", "{operations}", "Disk operations count.", sum, monotonic, integer, on},
    {"system.disk.io_time", "s", "Time disk spent activated. On Windows, this is calculated as the inverse of disk idle time.", sum, monotonic, real, on},
    {"system.disk.operation_time", "s", "Time spent in disk operations.", sum, monotonic, real, on},
    {"system.disk.weighted_io_time", "s", "Time disk spent activated multiplied by the queue length.", sum, monotonic, real, on},
    {"system.disk.pending_operations", "{operations}", "The queue size of pending I/O operations.", sum, plain, integer, on},
    {"system.disk.merged", "{operations}", "The number of disk reads/writes merged into single physical disk access operations.", sum, monotonic, integer, on},
    {"system.filesystem.usage", "By", "Filesystem bytes used.", sum, plain, integer, on},
    {"system.filesystem.inodes.usage", "{inodes}", "FileSystem inodes used.", sum, plain, integer, on},
    {"system.filesystem.utilization", "1", "Fraction of filesystem bytes used.", gauge, plain, real, off},
    {"system.network.io", "By", "The number of bytes transmitted and received.", sum, monotonic, integer, on},
    {"system.network.packets", "{packets}", "The number of packets transferred.", sum, monotonic, integer, on},
    {"system.network.errors", "{errors}", "The number of errors encountered.", sum, monotonic, integer, on},
    {"system.network.dropped", "{packets}", "The number of packets dropped.", sum, monotonic, integer, on},
    {"system.network.connections", "{connections}", "The number of connections.", sum, plain, integer, on},
    {"system.paging.usage", "By", "Swap (unix) or pagefile (windows) usage.", sum, plain, integer, on},
    {"system.paging.utilization", "1", "Swap (unix) or pagefile (windows) utilization.", gauge, plain, real, off},
    {"system.paging.operations", "{operations}", "The number of paging operations.", sum, monotonic, integer, on},
    {"system.paging.faults", "{faults}", "The number of page faults.", sum, monotonic, integer, on},
    {"system.processes.count", "{processes}", "Total number of processes in each state.", sum, plain, integer, on},
    {"system.processes.created", "{processes}", "Total number of created processes. Supported on Linux and OpenBSD.", sum, monotonic, integer, on},
    {"process.cpu.time", "s", "Total CPU seconds broken down by different states.", sum, monotonic, real, on},
    {"process.memory.usage", "By", "The amount of physical memory in use.", sum, plain, integer, on},
    {"process.memory.virtual", "By", "Virtual memory size.", sum, plain, integer, on},
    {"process.disk.io", "By", "Disk bytes transferred.", sum, monotonic, integer, on},
    {"process.disk.operations", "{operations}", "Number of disk operations performed by the process.", sum, monotonic, integer, off},
    {"process.threads", "{threads}", "Process threads count.", sum, plain, integer, off},
    {"process.paging.faults", "{faults}", "Number of page faults the process has made.", sum, monotonic, integer, off},
    {"process.uptime", "s", "The time the process has been running.", gauge, plain, real, off},
    {"system.uptime", "s", "The time the system has been running", gauge, plain, real, on},
};

}  // namespace

points::Table table() { return metrics; }

}  // namespace weir::receivers::hostmetrics
