#include "tests/fuzz/message_filler.h"

#include "google/protobuf/descriptor.h"

namespace reeve::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMaxDepth = 4;
constexpr int kMaxFields = 40;  // of one message

constexpr std::string_view kTexts[] = {"n1",
                                       "n2",
                                       "n[1-4]",
                                       "n[1-2,9]",
                                       "debug",
                                       "debug,gpu",
                                       "debug,debug",
                                       "gpu",
                                       "root",
                                       "0-3",
                                       "1-3%1",
                                       "0-1000000",
                                       "5:2",
                                       "afterok:1",
                                       "after:1",
                                       "singleton",
                                       "afterany:2",
                                       "a&b|c",
                                       "TimeLimit",
                                       "30",
                                       "UNLIMITED",
                                       "NumNodes",
                                       "1-2",
                                       "PENDING",
                                       "DRAIN",
                                       "RESUME",
                                       "DOWN",
                                       "Nice",
                                       "-5",
                                       "Partition",
                                       "Priority",
                                       "MaxTime",
                                       "State",
                                       "block",
                                       "cyclic",
                                       "all",
                                       "none",
                                       "slurm-%A_%a.out",
                                       "/tmp/x",
                                       "aftercorr:1",
                                       "NodeList",
                                       "Dependency",
                                       "x=y",
                                       "boot1",
                                       "boot2",
                                       "NOFILE",
                                       "test",
                                       "Resources",
                                       "1"};

std::string TextValue(Bytes& bytes) {
  const uint32_t kind = bytes.Below(4);
  if (kind == 0) return std::string(bytes.Text());
  if (kind == 1) return StrCat(bytes.Pick(kTexts), ",", bytes.Pick(kTexts));
  return std::string(bytes.Pick(kTexts));
}

// The type of one number among those protobuf has.
template <class T>
T NumberValue(Bytes& bytes) {
  return static_cast<T>(bytes.Number());
}

void FillMessage(Bytes& bytes, Message* message, int depth);

void AddValue(Bytes& bytes, Message* message, const FieldDescriptor* field, int depth) {
  const Reflection* reflection = message->GetReflection();
  const bool repeated = field->is_repeated();
  const auto put = [&](auto set, auto add, auto value) {
    repeated ? (reflection->*add)(message, field, value)
             : (reflection->*set)(message, field, value);
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return put(&Reflection::SetInt32, &Reflection::AddInt32, NumberValue<int32_t>(bytes));
    case FieldDescriptor::CPPTYPE_INT64:
      return put(&Reflection::SetInt64, &Reflection::AddInt64, NumberValue<int64_t>(bytes));
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(&Reflection::SetUInt32, &Reflection::AddUInt32, NumberValue<uint32_t>(bytes));
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(&Reflection::SetUInt64, &Reflection::AddUInt64, NumberValue<uint64_t>(bytes));
    case FieldDescriptor::CPPTYPE_BOOL:
      return put(&Reflection::SetBool, &Reflection::AddBool, bytes.Flag());
    case FieldDescriptor::CPPTYPE_ENUM:
      return put(&Reflection::SetEnumValue, &Reflection::AddEnumValue, NumberValue<int32_t>(bytes));
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      const double value = static_cast<double>(NumberValue<int64_t>(bytes)) / bytes.Below(8);
      return put(&Reflection::SetDouble, &Reflection::AddDouble, value);
    }
    case FieldDescriptor::CPPTYPE_STRING:
      return repeated ? reflection->AddString(message, field, TextValue(bytes))
                      : reflection->SetString(message, field, TextValue(bytes));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth >= kMaxDepth) return;
      return FillMessage(bytes,
                         repeated ? reflection->AddMessage(message, field)
                                  : reflection->MutableMessage(message, field),
                         depth + 1);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return;  // the protocol has none
  }
}

void FillMessage(Bytes& bytes, Message* message, int depth) {
  const google::protobuf::Descriptor* type = message->GetDescriptor();
  if (type->field_count() == 0) return;
  for (int i = 0; i < kMaxFields && !bytes.empty(); ++i) {
    const uint32_t choice = bytes.Byte();
    if (choice == 255) return;  // the next one goes on with what is around this message
    AddValue(bytes, message, type->field(static_cast<int>(choice) % type->field_count()), depth);
  }
}

}  // namespace

bool Fill(Bytes& bytes, Message* message) {
  if (bytes.Flag()) {
    const std::string_view encoded = bytes.Take(bytes.Below(65536));
    return message->ParseFromArray(encoded.data(), static_cast<int>(encoded.size()));
  }
  FillMessage(bytes, message, 0);
  return true;
}

}  // namespace reeve::fuzz
