// The address of a daemon as it is dialled.
#pragma once

#include "common/http2/address.h"

namespace reeve::rpc {

using http2::HostPort;

}  // namespace reeve::rpc
