#include "acquire/source/ssh/agent/desk.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <unistd.h>

namespace kanshiki::ssh {

Reply Desk::ask(const agent::Request& request, std::stop_token stop) {
    const auto job = std::make_shared<Job>();
    job->request = request;
    std::unique_lock lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
    job->number_ = next_++;
    waiting_.emplace(Place{request.priority, job->number_}, job);
    open_.emplace(job->number_, job);
    ring();
    const bool over = job->done_.wait(lock, stop, [&] { return job->settled_ || failure_; });
    waiting_.erase({request.priority, job->number_});
    open_.erase(job->number_);
    if (!over) throw Error{ExitCode::interrupted, "interrupted"}; // an answer under way finds nobody waiting
    if (!job->settled_) std::rethrow_exception(failure_);
    return std::move(job->reply_);
}

void Desk::give_back(std::vector<std::byte> payload) {
    const std::lock_guard lock(mutex_);
    if (spare_.size() < 64 && payload.capacity() > 0) spare_.push_back(std::move(payload));
}

std::vector<std::byte> Desk::room(size_t size) {
    std::vector<std::byte> out;
    {
        const std::lock_guard lock(mutex_);
        if (!spare_.empty()) {
            out = std::move(spare_.back());
            spare_.pop_back();
        }
    }
    out.resize(size);
    return out;
}

void Desk::add_bell(int bell) {
    const std::lock_guard lock(mutex_);
    bells_.push_back(bell);
}

void Desk::remove_bell(int bell) {
    const std::lock_guard lock(mutex_);
    std::erase(bells_, bell);
}

void Desk::ring() {
    const uint64_t one = 1;
    for (const int bell : bells_)
        if (write(bell, &one, sizeof one) < 0) continue; // it counts to 2^64: full means rung
}

std::shared_ptr<Job> Desk::take(bool urgent_only) {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() || failure_) return nullptr;
    if (urgent_only && waiting_.begin()->first.first != Priority::urgent) return nullptr;
    return std::move(waiting_.extract(waiting_.begin()).mapped());
}

void Desk::put_back(std::shared_ptr<Job> job) {
    const std::lock_guard lock(mutex_);
    if (!open_.contains(job->number_)) return; // its reader has left
    waiting_.emplace(Place{job->request.priority, job->number_}, job);
    ring();
}

void Desk::settle(const std::shared_ptr<Job>& job, Reply reply) {
    const std::lock_guard lock(mutex_);
    job->reply_ = std::move(reply);
    job->settled_ = true;
    job->done_.notify_all();
}

void Desk::fail(std::exception_ptr why) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::move(why);
    for (const auto& [number, job] : open_) job->done_.notify_all();
    ring();
}

bool Desk::failed() const {
    const std::lock_guard lock(mutex_);
    return failure_ != nullptr;
}

} // namespace kanshiki::ssh
