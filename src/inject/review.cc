#include "inject/review.h"

#include "base/text.h"
#include "kube/json.h"

namespace weir::inject {
namespace {

// An answer that allows, with a patch when there is one.
Value allowed(const Value& review) {
  Value response = map_of({{"uid", text_at(review, "request::uid")}});
  response.set("allowed", Value::of(true));
  return response;
}

std::string wrap(Value response) {
  Value out = map_of({{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}});
  out.set("response", std::move(response));
  return config::to_json(out);
}

void add_patch(Value& response, const Value& before, const Value& after) {
  Value patch = kube::json_patch(before, after);
  if (patch.size() == 0) return;
  response.set("patchType", Value::string("JSONPatch"));
  response.set("patch", Value::string(encode_base64(config::to_json(patch))));
}

Result<Value> read(std::string_view body) {
  WEIR_ASSIGN(Value review, kube::parse_json(body));
  if (review.find("request::uid") == nullptr) return fail(Errc::invalid, "not an AdmissionReview");
  return review;
}

void add_warnings(Value& response, const std::vector<std::string>& warnings) {
  if (warnings.empty()) return;
  Value list = Value::list();
  for (auto& warning : warnings) list.push_back(Value::string(warning.substr(0, 200)));
  response.set("warnings", std::move(list));
}

void refuse(Value& response, const std::vector<std::string>& errors) {
  std::string all;
  for (auto& error : errors) all += (all.empty() ? "" : "; ") + error;
  Value status = map_of({{"message", all}, {"reason", "Invalid"}});
  status.set("code", Value::of(std::int64_t{422}));
  response.set("allowed", Value::of(false));
  response.set("status", std::move(status));
}

}  // namespace

Reviewed review_pod(std::string_view body, const std::function<const Value*(const std::string&)>& find_namespace, const Cluster& cluster, const Options& options,
                    const Addition& addition) {
  Reviewed out;
  auto review = read(body);
  const Value* pod = review ? review->find("request::object") : nullptr;
  if (pod == nullptr || !pod->is_map()) {
    out.problems.push_back(review ? "a review without a pod" : review.error().what);
    out.answer = wrap(allowed(review ? *review : Value::map()));
    return out;
  }
  out.name_space = text_at(*review, "request::namespace");
  out.pod = text_at(*pod, "metadata::name");
  if (out.pod.empty()) out.pod = text_at(*pod, "metadata::generateName");
  const Value* known = find_namespace(out.name_space);
  Value name_space = known == nullptr ? Value::map() : *known;
  if (name_space.get("metadata") == nullptr) name_space.set("metadata", Value::map());
  name_space.get("metadata")->set("name", Value::string(out.name_space));
  Outcome outcome = inject(*pod, name_space, cluster, options);
  out.injected = std::move(outcome.injected);
  out.problems = std::move(outcome.problems);
  if (addition) {
    if (!outcome.changed) outcome.pod = *pod;
    for (auto& problem : addition(outcome.pod, name_space)) out.problems.push_back(std::move(problem));
  }
  Value response = allowed(*review);
  if (outcome.changed || addition) add_patch(response, *pod, outcome.pod);
  add_warnings(response, out.problems);
  out.answer = wrap(std::move(response));
  return out;
}

Result<std::string> review_defaults(std::string_view body) {
  WEIR_ASSIGN(Value review, read(body));
  const Value* object = review.find("request::object");
  Value response = allowed(review);
  if (object != nullptr && object->is_map()) {
    Value after = *object;
    apply_defaults(after);
    add_patch(response, *object, after);
  }
  return wrap(std::move(response));
}

Result<std::string> review_check(std::string_view body) {
  WEIR_ASSIGN(Value review, read(body));
  Value response = allowed(review);
  const Value* spec = review.find("request::object::spec");
  if (spec == nullptr) return wrap(std::move(response));
  Verdict verdict = check(*spec);
  add_warnings(response, verdict.warnings);
  if (verdict.errors.empty()) return wrap(std::move(response));
  refuse(response, verdict.errors);
  return wrap(std::move(response));
}

Result<std::string> review_resource(std::string_view body, const std::function<void(Value&)>& fill, const std::function<Verdict(const Value&, const Value*)>& check) {
  WEIR_ASSIGN(Value review, read(body));
  Value response = allowed(review);
  const Value *object = review.find("request::object"), *before = review.find("request::oldObject");
  if (object == nullptr || !object->is_map()) return wrap(std::move(response));
  Value after = *object;
  fill(after);
  Verdict verdict = check(after, before != nullptr && before->is_map() ? before : nullptr);
  add_warnings(response, verdict.warnings);
  if (verdict.errors.empty()) add_patch(response, *object, after);
  else refuse(response, verdict.errors);
  return wrap(std::move(response));
}

}  // namespace weir::inject
