#include "ctld/core/magnetism.h"

#include <utility>

namespace reeve::ctld {

std::vector<std::string> MagnetsOf(const State& state, const Job& job) {
  std::vector<std::string> magnets;
  if (!job.spec->reservation.empty()) return magnets;
  for (const Reservation* reservation : state.reservations.magnetic()) {
    if (reservation->Admits(job.owner->user_name, job.account)) {
      magnets.push_back(reservation->name);
    }
  }
  return magnets;
}

namespace {

void SetSpec(Context& context, Job& job, std::string reservation, bool drawn_in) {
  JobSpec spec = *job.spec;
  spec.reservation = std::move(reservation);
  RareWishes wishes = spec.wishes();
  wishes.drawn_in = drawn_in;
  const bool none = wishes == RareWishes();
  spec.rare = none ? nullptr : std::make_shared<const RareWishes>(std::move(wishes));
  job.spec = context.state.specs.Intern(std::make_shared<const JobSpec>(std::move(spec)));
}

}  // namespace

void FollowMagnets(Context& context, Job& job) {
  const State& state = context.state;
  if (job.shape->magnets.empty() && state.reservations.magnetic().empty()) return;
  std::vector<std::string> magnets = MagnetsOf(state, job);
  if (magnets == job.shape->magnets) return;
  Shape shape = *job.shape;
  shape.magnets = std::move(magnets);
  job.shape = context.state.shapes.Intern(std::move(shape));
}

void DrawIn(Context& context, Job& job, const std::string& reservation) {
  SetSpec(context, job, reservation, true);
  Shape shape = *job.shape;
  shape.reservation = reservation;
  shape.magnets.clear();
  job.shape = context.state.shapes.Intern(std::move(shape));
}

void ForgetMagnet(Context& context, Job& job) {
  if (job.spec->wishes().drawn_in) SetSpec(context, job, "", false);
}

}  // namespace reeve::ctld
