#pragma once
// For tests: objects, lists and events in JSON, as an API server would send them in protobuf. What it does not know is left out.
#include <map>

#include "base/rfc3339.h"
#include "kube/json.h"
#include "otlp/wire.h"

namespace weir::kube::testing {

class ToProtobuf {
 public:
  // One object with the k8s\0 envelope; "Status" and lists ("PodList") are objects too.
  static std::string object(std::string_view json, const std::string& message) {
    auto value = parse_json(json);
    WEIR_CHECK(value);
    return envelope(encode(*value, message));
  }
  // A frame of a watch, with its length.
  static std::string event(std::string_view json, const std::string& message) {
    auto value = parse_json(json);
    WEIR_CHECK(value);
    std::string type = value->get("type")->text();
    std::string raw = envelope(encode(*value->get("object"), type == "ERROR" ? "Status" : message));
    std::string frame = field(1, type) + field(2, field(1, raw));
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(frame.size() >> shift);
    return out + frame;
  }
  static std::string name_of(Kind kind) {
    switch (kind) {
      case Kind::pod: return "Pod";
      case Kind::node: return "Node";
      case Kind::service: return "Service";
      case Kind::endpoint_slice: return "EndpointSlice";
      case Kind::endpoints: return "Endpoints";
      case Kind::ingress: return "Ingress";
      default: return "Plain";
    }
  }

 private:
  enum class Type { text, number, flag, message, map, quantities, time, int_or_string };
  struct Member {
    int number;
    Type type = Type::text;
    std::string message;
  };
  using Schema = std::map<std::string, std::map<std::string, Member>>;

  static const Schema& schema() {
    using enum Type;
    static const Schema all = [] {
      Schema s = {
          {"ObjectMeta", {{"name", {1}}, {"namespace", {3}}, {"uid", {5}}, {"resourceVersion", {6}}, {"creationTimestamp", {8, time}}, {"deletionTimestamp", {9, time}},
                          {"labels", {11, map}}, {"annotations", {12, map}}, {"ownerReferences", {13, message, "OwnerReference"}}}},
          {"ListMeta", {{"resourceVersion", {2}}, {"continue", {3}}}},
          {"OwnerReference", {{"kind", {1}}, {"name", {3}}, {"uid", {4}}, {"apiVersion", {5}}, {"controller", {6, flag}}}},
          {"Status", {{"message", {3}}, {"code", {6, number}}}},
          {"Plain", {{"metadata", {1, message, "ObjectMeta"}}}},
          {"Pod", {{"metadata", {1, message, "ObjectMeta"}}, {"spec", {2, message, "PodSpec"}}, {"status", {3, message, "PodStatus"}}}},
          {"PodSpec", {{"containers", {2, message, "Container"}}, {"nodeName", {10}}, {"hostNetwork", {11, flag}}, {"hostname", {16}}, {"initContainers", {20, message, "Container"}}}},
          {"Container", {{"name", {1}}, {"image", {2}}, {"ports", {6, message, "ContainerPort"}}, {"env", {7, message, "EnvVar"}}, {"resources", {8, message, "Resources"}}}},
          {"EnvVar", {{"name", {1}}, {"value", {2}}}},
          {"ContainerPort", {{"name", {1}}, {"containerPort", {3, number}}, {"protocol", {4}}}},
          {"Resources", {{"limits", {1, quantities}}, {"requests", {2, quantities}}}},
          {"PodStatus", {{"phase", {1}}, {"conditions", {2, message, "Condition"}}, {"hostIP", {5}}, {"podIP", {6}}, {"startTime", {7, time}}, {"podIPs", {12, message, "PodIP"}},
                         {"containerStatuses", {8, message, "Run"}}, {"initContainerStatuses", {10, message, "Run"}}}},
          {"Condition", {{"type", {1}}, {"status", {2}}}},
          {"PodIP", {{"ip", {1}}}},
          {"Run", {{"name", {1}}, {"lastState", {3, message, "State"}}, {"ready", {4, flag}}, {"restartCount", {5, number}}, {"image", {6}}, {"imageID", {7}}, {"containerID", {8}}}},
          {"State", {{"terminated", {3, message, "Terminated"}}}},
          {"Terminated", {{"containerID", {7}}}},
          {"Node", {{"metadata", {1, message, "ObjectMeta"}}, {"spec", {2, message, "NodeSpec"}}, {"status", {3, message, "NodeStatus"}}}},
          {"NodeSpec", {{"providerID", {3}}}},
          {"NodeStatus", {{"conditions", {4, message, "Condition"}}, {"addresses", {5, message, "NodeAddress"}}, {"daemonEndpoints", {6, message, "DaemonEndpoints"}}}},
          {"NodeAddress", {{"type", {1}}, {"address", {2}}}},
          {"DaemonEndpoints", {{"kubeletEndpoint", {1, message, "DaemonEndpoint"}}}},
          {"DaemonEndpoint", {{"Port", {1, number}}}},
          {"Service", {{"metadata", {1, message, "ObjectMeta"}}, {"spec", {2, message, "ServiceSpec"}}}},
          {"ServiceSpec", {{"ports", {1, message, "ServicePort"}}, {"clusterIP", {3}}, {"type", {4}}, {"loadBalancerIP", {8}}, {"externalName", {10}}}},
          {"ServicePort", {{"name", {1}}, {"protocol", {2}}, {"port", {3, number}}, {"targetPort", {4, int_or_string}}, {"appProtocol", {6}}}},
          {"EndpointSlice", {{"metadata", {1, message, "ObjectMeta"}}, {"endpoints", {2, message, "Endpoint"}}, {"ports", {3, message, "SlicePort"}}, {"addressType", {4}}}},
          {"Endpoint", {{"addresses", {1}}, {"conditions", {2, message, "EndpointConditions"}}, {"hostname", {3}}, {"targetRef", {4, message, "Reference"}}, {"nodeName", {6}}, {"zone", {7}}}},
          {"EndpointConditions", {{"ready", {1, flag}}, {"serving", {2, flag}}, {"terminating", {3, flag}}}},
          {"Reference", {{"kind", {1}}, {"name", {3}}}},
          {"SlicePort", {{"name", {1}}, {"protocol", {2}}, {"port", {3, number}}, {"appProtocol", {4}}}},
          {"Endpoints", {{"metadata", {1, message, "ObjectMeta"}}, {"subsets", {2, message, "Subset"}}}},
          {"Subset", {{"addresses", {1, message, "Address"}}, {"notReadyAddresses", {2, message, "Address"}}, {"ports", {3, message, "EndpointPort"}}}},
          {"Address", {{"ip", {1}}, {"targetRef", {2, message, "Reference"}}, {"hostname", {3}}, {"nodeName", {4}}}},
          {"EndpointPort", {{"name", {1}}, {"port", {2, number}}, {"protocol", {3}}, {"appProtocol", {4}}}},
          {"Ingress", {{"metadata", {1, message, "ObjectMeta"}}, {"spec", {2, message, "IngressSpec"}}}},
          {"IngressSpec", {{"tls", {2, message, "IngressTLS"}}, {"rules", {3, message, "IngressRule"}}, {"ingressClassName", {4}}}},
          {"IngressTLS", {{"hosts", {1}}}},
          {"IngressRule", {{"host", {1}}, {"http", {2, message, "IngressHttp"}}}},
          {"IngressPaths", {{"paths", {1, message, "IngressPath"}}}},
          {"IngressPath", {{"path", {1}}}},
      };
      for (std::string name : {"Plain", "Pod", "Node", "Service", "EndpointSlice", "Endpoints", "Ingress"})
        s[name + "List"] = {{"metadata", {1, message, "ListMeta"}}, {"items", {2, message, name}}};
      return s;
    }();
    return all;
  }

  static std::string varint(std::uint64_t v) {
    std::string out;
    for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
    return out + static_cast<char>(v);
  }
  static std::string field(int number, std::string_view bytes) { return varint(static_cast<std::uint64_t>(number) << 3 | 2) + varint(bytes.size()) + std::string(bytes); }
  static std::string field(int number, std::uint64_t value) { return varint(static_cast<std::uint64_t>(number) << 3) + varint(value); }
  static std::string envelope(const std::string& message) { return std::string("k8s\0", 4) + field(1, field(1, "v1")) + field(2, message) + field(3, "") + field(4, ""); }

  static std::string encode_one(const config::Value& value, const Member& member) {
    switch (member.type) {
      case Type::text: return value.is_text() ? field(member.number, value.text()) : "";
      case Type::number: return field(member.number, static_cast<std::uint64_t>(value.as_int()));
      case Type::flag: return field(member.number, std::uint64_t{value.as_bool()});
      case Type::message:
        // The messages around the paths of an ingress are one level deeper than its JSON.
        if (member.message == "IngressHttp") return field(member.number, field(1, encode(value, "IngressPaths")));
        return field(member.number, encode(value, member.message));
      case Type::time: return field(member.number, field(1, static_cast<std::uint64_t>(parse_rfc3339(value.text()).value_or(0) / 1'000'000'000)));
      case Type::int_or_string: {
        bool number = value.kind() == config::Value::Kind::integer;
        return field(member.number, field(1, std::uint64_t{!number}) + (number ? field(2, static_cast<std::uint64_t>(value.as_int())) : field(3, value.text())));
      }
      case Type::map:
      case Type::quantities: break;
    }
    std::string out;
    for (auto& entry : value.entries()) {
      std::string text = entry.value.text();
      out += field(member.number, field(1, entry.key) + field(2, member.type == Type::map ? text : field(1, text)));
    }
    return out;
  }
  static std::string encode(const config::Value& in, const std::string& message) {
    std::string out;
    for (auto& [name, member] : schema().at(message)) {
      const config::Value* value = in.get(name);
      if (value == nullptr || value->is_null()) continue;
      if (!value->is_list()) out += encode_one(*value, member);
      for (auto& item : value->items()) out += encode_one(item, member);
    }
    return out;
  }
};

}  // namespace weir::kube::testing
