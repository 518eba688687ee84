// The "Key=Value" words of scontrol's update, create and delete.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/scontrol.h"
#include "reeve/v1/ctld.pb.h"

namespace reeve::cli {

struct Change {
  std::string word;  // as typed
  std::string key;
  std::string value;
};

// "Key=Value"; "Key+=Value" and "Key-=Value" are "Key=+Value" and "Key=-Value". The first words may
// also be "job 12" for "JobId=12".
std::vector<Change> ParseChanges(const Words& words);
bool IsKey(const Change& change, std::initializer_list<std::string_view> names);
// Takes the change with one of these keys out of the list.
std::optional<std::string> Take(std::initializer_list<std::string_view> names,
                                std::vector<Change>* changes);
void AddChanges(const std::vector<Change>& changes,
                google::protobuf::RepeatedPtrField<v1::ConfigEntry>* entries);

// scontrol_reservation.cc
int UpdateReservation(ScontrolSession& session, const std::string& name,
                      const std::vector<Change>& changes);

}  // namespace reeve::cli
