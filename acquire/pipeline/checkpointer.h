#pragma once
// Makes the sinks durable beside the run, and holds the readers back so that never more than a bound is at stake.

#include "kanshiki/pipeline.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace kanshiki {

class Checkpointer {
public:
    // lanes: how many of them report passed(). every: bytes between two checkpoints; twice that is the most that is
    // claimed and not durable. Without sinks nothing is kept, and nothing held back.
    Checkpointer(std::span<EvidenceSink* const> sinks, CheckpointObserver* observer, unsigned lanes, uint64_t start,
                 uint64_t every);
    ~Checkpointer();

    // Waits until a chunk or run that ends at `end` may be claimed. False: the run is to end.
    bool admit(uint64_t end);
    void passed(unsigned lane, uint64_t position); // this lane is done with [0, position)
    void abort();                                  // admit() returns false from now on
    void finish();                                 // the last checkpoint; rethrows what an earlier one threw

private:
    void loop();
    uint64_t position() const; // what all lanes are done with
    void checkpoint(uint64_t upto);

    const std::span<EvidenceSink* const> sinks_;
    CheckpointObserver* const observer_;
    const uint64_t every_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<uint64_t> passed_;
    uint64_t claimed_, durable_;
    bool held_back_ = false, aborted_ = false, ending_ = false;
    std::exception_ptr failure_;
    std::thread thread_;
};

} // namespace kanshiki
