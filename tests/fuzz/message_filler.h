// Messages made of an input's bytes: any field, any value, nested ones too, with the texts that the
// system knows (node and partition names, lists, states) often among them.
#pragma once

#include "google/protobuf/message.h"
#include "tests/fuzz/check.h"

namespace reeve::fuzz {

// Half of the inputs are the message's own encoding, which libFuzzer can cross and grow; the other
// half choose fields one by one. False: an encoding that cannot be read.
bool Fill(Bytes& bytes, google::protobuf::Message* message);

}  // namespace reeve::fuzz
