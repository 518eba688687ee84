#include "ctld/core/schedule.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "ctld/core/deadline.h"
#include "ctld/core/eligibility.h"
#include "ctld/core/het_job.h"
#include "ctld/core/het_plan.h"
#include "ctld/core/job_array.h"
#include "ctld/core/make_room.h"
#include "ctld/core/pending_view.h"
#include "ctld/core/place_search.h"
#include "ctld/core/resume_queue.h"
#include "ctld/core/select_nodes.h"
#include "ctld/core/start_job.h"
#include "ctld/core/start_search.h"
#include "ctld/core/switch_wait.h"
#include "ctld/core/verdict.h"

namespace reeve::ctld {
namespace {

// When jobs end early, so many of the highest rank look for an earlier place. In one pass so much
// work goes into that; what it does not suffice for goes on with the next pass, or after a pause.
constexpr size_t kImprovedJobs = 100;
constexpr size_t kImprovedFirst = 8;
constexpr uint64_t kImproveWork = 2'000;
constexpr absl::Duration kImprovePause = absl::Seconds(10);
// When more nodes than this have got room at once, every shape is tried.
constexpr size_t kManyNodes = 256;

class Pass {
 public:
  Pass(Context& context, uint64_t work)
      : context_(context),
        state_(context.state),
        backlog_(context.state.backlog),
        plan_(context.state.plan),
        shown_(context),
        search_(context),
        now_(ToInstant(context.now)),
        work_end_(work == kAnyWork ? kAnyWork : plan_.work() + work) {}

  bool Run() {
    backlog_.ForgetEmptyQueues();
    if (backlog_.stale) StartOver();
    ResumeThoseNext(context_);
    CatchUp();
    FollowSwitchWaits();
    if (state_.settings.PlansAll()) {
      LookAgainAtWhatIsDue();
      UnblockSharers(state_);
      ImproveFirst();
      Continue();
      MakeRoom();
      begin_again_ = ForgetWhoHasNotStarted(state_) || begin_again_;
      Improve();
      begin_again_ = SharersMayGain(state_) || begin_again_;
    } else {
      Afresh();
      begin_again_ = ForgetWhoHasNotStarted(state_) || begin_again_;
      MakeRoom();
    }
    shown_.NameTops();
    WatchFirstStart();
    return backlog_.unplanned.empty() && backlog_.candidates.empty() && !begin_again_;
  }

 private:
  // ---- what has changed ------------------------------------------------------------------------

  void StartOver() {
    backlog_.stale = false;
    plan_.Reset(state_);
    backlog_.candidates.clear();
    backlog_.tops.assign(state_.partitions.size(), JobId{});
    for (const std::unique_ptr<ShapeQueue>& queue : backlog_.queues()) {
      queue->fitted = queue->judged = queue->blocked = false;
    }
    for (const ReadyKey& key : backlog_.by_rank()) backlog_.unplanned.insert(key);
  }

  void CatchUp() {
    ForecastResumes(state_, context_.now, Leave());
    for (const ReadyKey& key : plan_.Refresh(state_, context_.now, Leave())) PutBack(key);
    if (plan_.TakeAvailabilityChanged()) JudgeAgain();
    NoteGrown();
  }

  // What should have left has done so after that.
  absl::Duration Leave() const { return std::max(state_.settings.kill_wait, absl::Seconds(1)); }

  void PutBack(const ReadyKey& key) {
    for (const ReadyKey& each : backlog_.KeysOf(key.job)) backlog_.unplanned.insert(each);
  }

  void JudgeAgain() {
    for (const std::unique_ptr<ShapeQueue>& queue : backlog_.queues()) {
      if (!queue->judged) continue;
      queue->judged = false;
      if (queue->jobs.empty()) continue;
      const Verdict before = std::exchange(queue->verdict, Judge(state_, *queue));
      queue->judged = true;
      if (before == queue->verdict) continue;
      queue->blocked = false;
      for (const ReadyKey& key : queue->jobs) {
        plan_.Drop(key.job);
        backlog_.unplanned.insert(key);
      }
    }
  }

  // Nodes with more room than before may let the first job of a shape start.
  void NoteGrown() {
    const std::vector<NodeIndex> grown = plan_.TakeGrown();
    const bool licenses = plan_.licenses().TakeGrown();
    if (grown.empty() && !licenses) return;
    for (const std::unique_ptr<ShapeQueue>& queue : backlog_.queues()) {
      if (!queue->waits() || !queue->blocked) continue;  // else it is looked at anyway
      const bool licensed = licenses && state_.licenses.HasFree(queue->terms.licenses);
      // It may have lacked nodes outside and licences inside of a magnetic reservation.
      if (queue->lacks_licenses || (licensed && !queue->magnets.empty())) {
        if (!licensed) continue;
        queue->blocked = false;
        backlog_.candidates.insert({queue->head(), queue.get()});
        continue;
      }
      if (grown.size() <= kManyNodes) {
        for (NodeIndex node : grown) Gain(*queue, node);
      } else {
        queue->gained_nodes = UINT32_MAX;
        queue->gained_tasks = UINT32_MAX;
      }
      if (queue->gained_nodes == 0) continue;
      if (queue->gained_nodes < queue->missing_nodes) continue;
      if (queue->gained_tasks < queue->missing_tasks) continue;
      queue->blocked = false;
      backlog_.candidates.insert({queue->head(), queue.get()});
    }
  }

  void Gain(ShapeQueue& queue, NodeIndex index) {
    const size_t place = plan_.PlaceOf(index);
    if (!plan_.free_now().Test(place) || !queue.fits.Test(place)) return;
    if (queue.het) {  // for one of its components, perhaps
      queue.gained_nodes++;
      return;
    }
    const Node& node = *state_.nodes[index];
    const uint32_t tasks = TaskCapacity(queue.terms, FreeOffer(index, node, queue.terms.sharing));
    queue.gained_nodes += tasks > 0;
    queue.gained_tasks += tasks;
  }

  // Their time has come and they have not started: they are to be looked at again. Until then they
  // keep their places, so that each is left its own.
  void LookAgainAtWhatIsDue() {
    for (JobId job : plan_.Due(now_)) {
      const ReadyKey key = plan_.Find(job)->key;
      PutBack(key);
      if (ShapeQueue* queue = backlog_.QueueOf(key)) queue->blocked = false;
    }
  }

  // ---- the whole queue, from where the last pass left ------------------------------------------

  // The highest rank first, whether it waits for a place or may be able to start.
  void Continue() {
    while (plan_.work() < work_end_) {
      const auto candidate = backlog_.candidates.begin();
      const auto unplanned = backlog_.unplanned.begin();
      const bool has_candidate = candidate != backlog_.candidates.end();
      if (unplanned == backlog_.unplanned.end() && !has_candidate) return;
      if (has_candidate &&
          (unplanned == backlog_.unplanned.end() || candidate->first < *unplanned)) {
        ShapeQueue& queue = *candidate->second;
        backlog_.candidates.erase(candidate);
        if (!queue.jobs.empty()) LookAtFirst(queue);
      } else {
        LookAt(*unplanned);
      }
      NoteGrown();
    }
  }

  void LookAtFirst(ShapeQueue& queue) {
    const ReadyKey key = queue.head();
    if (!Start(queue, key)) return shown_.Wait(queue, key);
    if (!queue.jobs.empty()) backlog_.candidates.insert({queue.head(), &queue});
  }

  void LookAt(const ReadyKey key) {
    ShapeQueue& queue = *backlog_.QueueOf(key);
    if (!Possible(queue, key)) {
      backlog_.unplanned.erase(key);
      return;
    }
    if (!queue.blocked || key < queue.blocked_rank) {
      if (Start(queue, key)) return;  // a record that is left is looked at again
      if (!backlog_.unplanned.contains(key)) return;
    }
    shown_.Wait(queue, key);
    if (PlanTasks(queue, key)) backlog_.unplanned.erase(key);
  }

  // False when the shape can't run there, which is then the job's reason.
  bool Possible(ShapeQueue& queue, const ReadyKey& key) {
    if (!queue.fitted) {
      FitQueue(state_, queue);
      plan_.AddWork(plan_.size() / 16);
    }
    if (!queue.judged) queue.verdict = Judge(state_, queue);
    queue.judged = true;
    if (queue.verdict.can_run_later) return true;
    if (shown_.IsFirst(key)) {
      shown_.ClearPlannedStart(key.job);
      shown_.Explain(key, queue.verdict.reason, queue.verdict.detail);
    }
    return false;
  }

  // ---- starting --------------------------------------------------------------------------------

  // True when the job (or one of its tasks) was started, or is not to be looked at any more.
  bool Start(ShapeQueue& queue, const ReadyKey& key) {
    if (queue.het) return StartComponents(queue, key);
    Job& job = *state_.FindJob(key.job);
    // A task that was started may have been the last that its array's limit lets run.
    if (!BelowArrayLimit(state_, job) || MissedDeadline(job, context_.now)) {
      Reconsider(context_, job);
      return true;
    }
    FreeNow sum;
    const std::optional<Grant> grant =
        FindAnyGrant(state_, queue, key, now_, DeadlineOf(job), scratch_, sum);
    if (!grant.has_value()) {
      Block(queue, key, sum);
      search_.NoteElsewhere(queue, key, now_);
      return false;
    }
    plan_.DropFirstPlace(key.job);
    StartJob(context_, job, key.partition, *grant);
    CatchUp();
    if (backlog_.Contains(key.job)) shown_.ShowPlannedStart(key.job);
    return true;
  }

  bool StartComponents(ShapeQueue& queue, const ReadyKey& key) {
    for (Job* job : WithComponents(state_, key.job)) {
      if (!MissedDeadline(*job, context_.now)) continue;
      Reconsider(context_, *job);
      return true;
    }
    FreeNow sum;
    const std::optional<std::vector<Grant>> grants =
        FindGrantsTogether(state_, queue, key, now_, scratch_, sum);
    if (!grants.has_value()) {
      Block(queue, key, sum);
      queue.missing_nodes = 0;  // more of any node may do
      queue.missing_tasks = 0;
      return false;
    }
    plan_.DropFirstPlace(key.job);
    StartTogether(context_, key.job, *grants);
    CatchUp();
    return true;
  }

  // ---- planning --------------------------------------------------------------------------------

  // False when the pass has no work left before all of the job's tasks that could start together
  // have a place.
  bool PlanTasks(ShapeQueue& queue, const ReadyKey& key) {
    const Plan::PlannedJob* planned = plan_.Find(key.job);
    if (planned != nullptr && !(planned->key == key)) return true;  // in another partition
    if (planned != nullptr && planned->places.front().at <= now_) {
      plan_.Drop(key.job);
      planned = nullptr;
    }
    const uint64_t wanted = TasksToPlan(state_, *state_.FindJob(key.job));
    size_t places = planned == nullptr ? 0 : planned->places.size();
    for (; places < wanted; ++places) {
      if (plan_.work() >= work_end_) return false;
      if (!PlanOne(queue, key)) break;
    }
    plan_.Shorten(key.job, wanted);
    shown_.ShowPlannedStart(key.job);
    return true;
  }

  bool PlanOne(ShapeQueue& queue, const ReadyKey& key) {
    if (queue.het) return PlanComponents(queue, key);
    Instant from = search_.Soonest();
    if (queue.not_before_epoch == plan_.grown_epoch() && !(key < queue.not_before_rank)) {
      from = std::max(from, queue.not_before);
    }
    const uint64_t epoch = plan_.grown_epoch();
    const std::optional<PlaceSearch::Found> found = search_.Find(queue, key, from);
    if (!found.has_value()) return false;
    for (const ReadyKey& lost : plan_.Keep(state_, key, *found->terms, found->start)) PutBack(lost);
    // Each has waited for another time, or could start in several places.
    if (queue.anywhere != nullptr || !queue.magnets.empty()) return true;
    queue.not_before = found->start.at;
    queue.not_before_rank = key;
    queue.not_before_epoch = epoch;
    return true;
  }

  bool PlanComponents(const ShapeQueue& queue, const ReadyKey& key) {
    const auto found = search_.FindTogether(queue, key);
    if (!found.has_value()) return false;
    const std::vector<ReadyKey> displaced =
        plan_.KeepTogether(state_, key, found->components, found->starts);
    for (const ReadyKey& lost : displaced) PutBack(lost);
    return true;
  }

  // ---- waiting for few switches -----------------------------------------------------------------

  // Some have waited for long enough: they are looked at as if they had asked for none. Others can
  // start now, but on more switches than they ask for, as far as the plan knew: their wait begins.
  void FollowSwitchWaits() {
    for (const auto& [id, when] : state_.switch_waits.TakeDue(now_)) {
      Job* job = state_.FindJob(id);
      if (job == nullptr || !backlog_.Contains(id)) continue;
      if (HasWaitedForSwitches(*job, context_.now)) {
        Reconsider(context_, *job);
        continue;
      }
      if (IsSet(job->rare->switches_since)) continue;
      const Backlog::Keys keys = backlog_.KeysOf(id);
      for (const ReadyKey& key : keys) {
        if (backlog_.QueueOf(key)->fitted) search_.NoteElsewhere(*backlog_.QueueOf(key), key, when);
      }
      if (IsSet(job->rare->switches_since)) continue;
      plan_.Drop(id);  // that counted with it
      PutBack(keys.front());
    }
  }

  // ---- making room ------------------------------------------------------------------------------

  // Jobs that cannot start have others end that are in partitions of a lower tier. Each gets its
  // place where they leave before anybody else is looked at.
  void MakeRoom() {
    RoomMaker maker(context_, looked_at_.has_value() ? &*looked_at_ : nullptr, Leave(), work_end_);
    while (const std::optional<ReadyKey> key = maker.Next()) {
      plan_.Drop(key->job);
      backlog_.unplanned.insert(*key);
      CatchUp();
      // Those that stand still have left room already.
      if (HasSuspended(state_, key->job)) backlog_.QueueOf(*key)->blocked = false;
      if (!looked_at_.has_value()) {
        Continue();
        continue;
      }
      shown_.ShowPlannedStart(key->job);
      begin_again_ = true;
    }
    if (maker.look_again() < absl::InfiniteFuture()) Wake(maker.look_again());
  }

  // ---- improving -------------------------------------------------------------------------------

  // When jobs end early the plans of those that wait could be earlier too.
  void Improve() {
    if (backlog_.to_improve.empty()) {
      if (backlog_.improved_epoch == plan_.room_epoch()) return;
      backlog_.improved_epoch = plan_.room_epoch();
      plan_.BeginImproving();
      backlog_.to_improve = ByPlannedStart(kImprovedJobs);
    }
    const uint64_t end = std::min(work_end_, plan_.work() + kImproveWork);
    while (plan_.work() < end) {
      if (backlog_.to_improve.empty()) return;
      const ReadyKey key = backlog_.to_improve.back();
      backlog_.to_improve.pop_back();
      if (!backlog_.by_rank().contains(key)) continue;
      MoveEarlier(key, kNever);
      Continue();
    }
    Wake(context_.now + kImprovePause);
  }

  std::vector<ReadyKey> FirstByRank(size_t count) const {
    const auto& by_rank = backlog_.by_rank();
    const auto begin = by_rank.begin();
    return {begin, std::next(begin, static_cast<ptrdiff_t>(std::min(count, by_rank.size())))};
  }

  // Of the highest rank, the next one last. Where priorities are those of arrival the plan moves up
  // in its own order: jobs between larger ones keep being there. Else in that of their priorities.
  std::vector<ReadyKey> ByPlannedStart(size_t count) const {
    const bool by_rank = state_.settings.priority.multifactor;
    std::vector<std::tuple<int, Instant, ReadyKey>> turns;
    for (const ReadyKey& key : FirstByRank(count)) {
      const Plan::PlannedJob* planned = by_rank ? nullptr : plan_.Find(key.job);
      const Instant start = planned != nullptr ? planned->places.back().at : kNever;
      turns.emplace_back(-int{key.tier}, start, key);
    }
    std::sort(turns.rbegin(), turns.rend());
    std::vector<ReadyKey> keys;
    for (const auto& turn : turns) keys.push_back(std::get<ReadyKey>(turn));
    return keys;
  }

  // Before anything starts the first of all looks for an earlier place: others are to start beside
  // where it can be now, not where the time limits of jobs that are gone had put it. And as what is
  // cleared away leaves its nodes one after another, some behind it have theirs where all of these
  // will be free.
  void ImproveFirst() {
    if (backlog_.improved_epoch == plan_.room_epoch()) return;
    const std::vector<ReadyKey> first = FirstByRank(kImprovedFirst);
    const Instant cleared = now_ + absl::ToInt64Microseconds(Leave());
    const uint64_t end = plan_.work() + kImproveWork;
    for (const ReadyKey& key : first) {
      if (plan_.work() < end) MoveEarlier(key, key == first.front() ? kNever : cleared + 1);
    }
  }

  // To a place before that time.
  void MoveEarlier(const ReadyKey key, Instant before) {
    const Plan::PlannedJob* planned = plan_.Find(key.job);
    if (planned == nullptr) return SeekPlaceAgain(key);
    if (!(planned->key == key)) return;
    const ShapeQueue& queue = *backlog_.QueueOf(key);
    const bool moved = queue.het ? search_.MoveEarlierTogether(queue, key, before)
                                 : search_.MoveEarlier(queue, key, before);
    if (!moved) return;
    shown_.ShowPlannedStart(key.job);
    NoteGrown();
  }

  // One that had no place before its deadline may have one now.
  void SeekPlaceAgain(const ReadyKey& key) {
    const std::vector<Job*> jobs = WithComponents(state_, key.job);
    const bool any = std::any_of(jobs.begin(), jobs.end(),
                                 [](const Job* job) { return DeadlineOf(*job) < kNever; });
    if (any) PutBack(key);
  }

  // ---- policies that begin anew each time: EASY, and first come, first served ------------------

  void Afresh() {
    looked_at_.emplace();
    std::vector<JobId> planned;
    plan_.planned().ForEach([&](JobId job, const auto&) { planned.push_back(job); });
    for (JobId job : planned) plan_.Drop(job);
    (void)plan_.TakeGrown();
    for (const ReadyKey& key : std::exchange(backlog_.unplanned, {})) {
      ShapeQueue& queue = *backlog_.QueueOf(key);
      if (Possible(queue, key)) shown_.Wait(queue, key);
    }
    backlog_.candidates.clear();
    std::vector<bool> stopped(state_.partitions.size());
    uint32_t places_left = state_.settings.backfill ? state_.settings.plan_depth : 0;
    for (const std::unique_ptr<ShapeQueue>& queue : backlog_.queues()) {
      if (!queue->jobs.empty()) backlog_.candidates.insert({queue->head(), queue.get()});
    }
    while (!backlog_.candidates.empty()) {
      const auto [key, queue] = *backlog_.candidates.begin();
      backlog_.candidates.erase(backlog_.candidates.begin());
      if (queue->jobs.empty() || stopped[queue->partition]) continue;
      if (!Possible(*queue, key)) continue;
      if (Start(*queue, key)) {
        if (!queue->jobs.empty()) backlog_.candidates.insert({queue->head(), queue});
        continue;
      }
      stopped[queue->partition] = !state_.settings.backfill;
      for (const ShapeQueue& part : queue->together) {
        stopped[part.partition] = !state_.settings.backfill;
      }
      looked_at_->insert(key);
      // What others leave to it is kept for it in any case.
      const bool awaits = AwaitsVictims(state_, key.job);
      if ((places_left == 0 && !awaits) || !PlanTasks(*queue, key)) continue;
      if (!awaits) places_left--;
      const auto next = queue->jobs.upper_bound(key);
      if (next != queue->jobs.end()) backlog_.candidates.insert({*next, queue});
    }
    for (JobId job : planned) shown_.ShowPlannedStart(job);
    backlog_.candidates.clear();
  }

  // ---- waking up -------------------------------------------------------------------------------

  // Somebody has to look when a planned start has come, or a wait for switches is over, and nothing
  // else happens.
  void WatchFirstStart() {
    const Instant next = std::min(plan_.FirstStart(), state_.switch_waits.Next());
    if (next < kNever) Wake(ToTime(next));
  }

  void Wake(absl::Time when) {
    if (state_.plan_watched > context_.now && state_.plan_watched <= when) return;
    state_.plan_watched = when;
    state_.timers.Add(when, {TimerKind::kPlannedStart, {}, {}, {}});
  }

  Context& context_;
  State& state_;
  Backlog& backlog_;
  Plan& plan_;
  PendingView shown_;
  PlaceSearch search_;
  const Instant now_;
  const uint64_t work_end_;
  Track::Scratch scratch_;
  // With a policy that begins anew each time: those that could not start.
  std::optional<absl::btree_set<ReadyKey>> looked_at_;
  bool begin_again_ = false;
};

}  // namespace

bool RunSchedule(Context& context, uint64_t work) {
  return Pass(context, work).Run();
}

void BringUpToDate(Context& context) {
  const State& state = context.state;
  const Instant next =
      std::min({state.plan.FirstStart(), state.plan.FirstEnd(), state.switch_waits.Next()});
  const bool behind = state.PlanIsBehind() || next <= ToInstant(context.now);
  if (behind && !RunSchedule(context)) context.effects.schedule = true;
}

bool IsPlannedTo(const State& state, const ReadyKey& key) {
  const Backlog& backlog = state.backlog;
  if (backlog.stale || state.plan.AnyChanged()) return false;
  const bool planned = backlog.unplanned.empty() || key < *backlog.unplanned.begin();
  const bool tried = backlog.candidates.empty() || key < backlog.candidates.begin()->first;
  return planned && tried;
}

}  // namespace reeve::ctld
