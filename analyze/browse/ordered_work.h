#pragma once
// Items worked on by several threads, results delivered in the order of the items, no more in flight than a bound.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace kanshiki {

// work(item) -> result is called by a thread of its own worker object, made by make_worker() on that thread. add() and
// finish() are called by one thread, which also runs deliver(result); the first failure of an item is thrown by them in
// that item's place.
template<class Item, class Result>
class OrderedWork {
public:
    using Worker = std::function<Result(Item&)>;

    OrderedWork(unsigned threads, std::function<Worker()> make_worker, std::function<void(Result&&)> deliver)
        : make_worker_(std::move(make_worker)), deliver_(std::move(deliver)), limit_(size_t{threads} * 4) {
        for (unsigned index = 0; index < threads; index++) threads_.emplace_back([this] { run(); });
    }
    ~OrderedWork() {
        {
            const std::lock_guard lock(mutex_);
            ended_ = true;
            waiting_.clear();
        }
        work_.notify_all();
    }
    OrderedWork(const OrderedWork&) = delete;
    OrderedWork& operator=(const OrderedWork&) = delete;

    void add(Item item) {
        while (in_order_.size() >= limit_) deliver_first();
        auto job = std::make_shared<Job>();
        job->item = std::move(item);
        in_order_.push_back(job);
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(job));
        }
        work_.notify_one();
    }

    void finish() {
        while (!in_order_.empty()) deliver_first();
    }

private:
    struct Job {
        Item item;
        Result result;
        std::exception_ptr failure;
        bool done = false;
    };

    void deliver_first() {
        const auto job = std::move(in_order_.front());
        in_order_.pop_front();
        {
            std::unique_lock lock(mutex_);
            done_.wait(lock, [&] { return job->done; });
        }
        if (job->failure) std::rethrow_exception(job->failure);
        deliver_(std::move(job->result));
    }

    void run() {
        Worker worker;
        while (true) {
            std::shared_ptr<Job> job;
            {
                std::unique_lock lock(mutex_);
                work_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
                if (waiting_.empty()) return;
                job = std::move(waiting_.front());
                waiting_.pop_front();
            }
            try {
                if (!worker) worker = make_worker_();
                job->result = worker(job->item);
            } catch (...) {
                job->failure = std::current_exception();
            }
            {
                const std::lock_guard lock(mutex_);
                job->done = true;
            }
            done_.notify_one();
        }
    }

    std::function<Worker()> make_worker_;
    std::function<void(Result&&)> deliver_;
    const size_t limit_;
    std::deque<std::shared_ptr<Job>> in_order_; // of the calling thread alone
    std::mutex mutex_;                          // of what follows, and of the jobs' `done`
    std::condition_variable work_, done_;       // the threads wait for the one, the caller for the other
    std::deque<std::shared_ptr<Job>> waiting_;
    bool ended_ = false;
    std::vector<std::jthread> threads_; // last: they end before what they use
};

} // namespace kanshiki
