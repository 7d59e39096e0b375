#include "acquire/pipeline/checkpointer.h"

#include <algorithm>

namespace kanshiki {

Checkpointer::Checkpointer(std::span<EvidenceSink* const> sinks, CheckpointObserver* observer, unsigned lanes,
                           uint64_t start, uint64_t every)
    : sinks_(sinks), observer_(observer), every_(every), passed_(lanes, start), claimed_(start), durable_(start) {
    if (!sinks_.empty()) thread_ = std::thread([this] { loop(); });
}

Checkpointer::~Checkpointer() {
    if (!thread_.joinable()) return;
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool Checkpointer::admit(uint64_t end) {
    std::unique_lock lock(mutex_);
    if (!sinks_.empty()) {
        // A run of zeros may be longer than the bound: it goes when nothing else is at stake.
        const auto may = [&] { return aborted_ || end <= durable_ + 2 * every_ || durable_ == claimed_; };
        held_back_ = !may();
        if (held_back_) changed_.notify_all();
        changed_.wait(lock, may);
        held_back_ = false;
    }
    claimed_ = end;
    return !aborted_;
}

void Checkpointer::passed(unsigned lane, uint64_t position) {
    std::lock_guard lock(mutex_);
    passed_[lane] = position;
    if (!sinks_.empty()) changed_.notify_all();
}

void Checkpointer::abort() {
    std::lock_guard lock(mutex_);
    aborted_ = true;
    changed_.notify_all();
}

uint64_t Checkpointer::position() const { return *std::min_element(passed_.begin(), passed_.end()); }

void Checkpointer::checkpoint(uint64_t upto) {
    for (EvidenceSink* sink : sinks_) upto = std::min(upto, sink->checkpoint());
    if (observer_) observer_->durable(upto);
    std::lock_guard lock(mutex_);
    durable_ = upto;
    changed_.notify_all();
}

void Checkpointer::loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(
            lock, [&] { return ending_ || position() >= durable_ + every_ || (held_back_ && position() > durable_); });
        if (ending_) return;
        const uint64_t upto = position();
        lock.unlock();
        try {
            checkpoint(upto);
        } catch (...) {
            lock.lock();
            failure_ = std::current_exception();
            aborted_ = true;
            changed_.notify_all();
            return;
        }
        lock.lock();
    }
}

void Checkpointer::finish() {
    if (!thread_.joinable()) return;
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
        changed_.notify_all();
    }
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
    checkpoint(position());
}

} // namespace kanshiki
