// Reservations as scontrol and sinfo print them.
#include <stdlib.h>

#include "cli/show_reservation.h"
#include "tests/cli/views/golden.h"

namespace reeve::cli {
namespace {

namespace pb = reeve::v1;

class ReservationView : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
    maint_.set_name("maint");
    maint_.set_start(1795387200);
    maint_.set_end(1795387200 + 7200);
    maint_.set_nodes("n[1-4]");
    maint_.set_num_nodes(4);
    maint_.set_cores(16);
    maint_.set_cpus(32);
    maint_.add_users("root");
    for (const char* flag : {"MAINT", "SPEC_NODES"}) maint_.add_flags(flag);
    course_.set_name("course_of_physics");
    course_.set_start(1795390000);
    course_.set_end(-1);
    course_.set_nodes("n5");
    course_.set_num_nodes(1);
    course_.add_accounts("physics");
    course_.add_accounts("teaching");
    course_.add_groups("students");
    course_.set_licenses("bar:1,foo:4");
    course_.set_partition("debug");
    course_.set_features("gpu");
    course_.set_comment("each Tuesday");
  }
  pb::Reservation maint_;
  pb::Reservation course_;
};

TEST_F(ReservationView, Scontrol) {
  ExpectGolden("reservation.txt", ShowReservationText(maint_, 1795387200, false) +
                                      ShowReservationText(course_, 1795387200, false) +
                                      ShowReservationText(maint_, 1795394400, true));
}

TEST_F(ReservationView, Sinfo) {
  ExpectGolden("reservation-table.txt", ReservationTable({maint_, course_}, 1795387200, true));
}

}  // namespace
}  // namespace reeve::cli
