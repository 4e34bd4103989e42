#include "config/component_id.h"
