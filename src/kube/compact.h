#pragma once
#include "kube/object.h"

namespace weir::kube {

// A copy of an object and of all that it refers to, in one block of its own.
ObjectPtr compact(const Object& object);

}  // namespace weir::kube
