#pragma once
// What is told of one object. Pure.
#include "components/receivers/k8s_cluster/config.h"
#include "kube/reflector.h"

namespace weir::receivers::k8s_cluster {

enum class What : std::uint8_t { pod, node, name_space, deployment, replica_set, replication_controller, stateful_set, daemon_set, job, cron_job, autoscaler, quota };
inline constexpr std::array all_of_them = {What::pod, What::node, What::name_space, What::deployment, What::replica_set, What::replication_controller, What::stateful_set,
                                           What::daemon_set, What::job, What::cron_job, What::autoscaler, What::quota};
kube::Query query_of(What what);

struct Fact {
  std::string metric;  // a row of the table, or one that the settings made
  double value = 0;
  bool integer = true;
  std::string key, attribute;  // of the point; "" when it has none
  std::string unit, description;  // set: no row of the table
};

// One resource with its points.
struct Entry {
  std::vector<std::pair<std::string_view, std::string>> resource;
  std::vector<Fact> facts;
};

std::vector<Entry> entries_of(What what, const kube::Object& object, const Config& config);
void write(const Entry& entry, points::Points& out);

}  // namespace weir::receivers::k8s_cluster
