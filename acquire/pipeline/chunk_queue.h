#pragma once
// A bounded, ordered queue. A chunk takes its place before anyone works on it, so the oldest chunk always owns a slot:
// order and the bound on memory hold by construction. Consumers ("lanes") each see every item, in order.

#include "acquire/block/aligned_buffer.h"
#include "kanshiki/evidence_sink.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>

namespace kanshiki {

struct Item {
    uint64_t number = 0; // place in the order
    Range range;         // one chunk, or a run of chunks known to be zero
    Kind kind = Kind::data;
    std::span<const std::byte> data; // empty when kind is not data
    std::vector<Bad> bad;
    std::vector<std::byte> frame;  // the content as it came compressed; empty: it did not
    std::optional<Digest> witness; // taken at the source
    std::vector<Encoded> encoded;  // one per sink
    std::optional<Digest> leaf;    // set by the worker when the ordered lane need not compute it
    uint64_t read_at_us = 0;
    std::exception_ptr failure; // the range could not be had; ends the run when its turn comes
    AlignedBuffer buffer;       // kept from use to use

private:
    friend class ChunkQueue;
    bool published = false;
    unsigned lanes_left = 0;
};

class ChunkQueue {
public:
    ChunkQueue(size_t depth, unsigned lanes);

    Item& claim();            // the next place; waits until it is free
    void publish(Item& item); // its content is ready for the lanes
    void close();             // no claim will follow

    Item* wait(uint64_t number); // waits until that item is published; null when the queue was closed before it
    void release(Item& item);    // this lane is done with it

private:
    std::mutex mutex_;
    std::condition_variable free_, ready_;
    std::deque<Item> items_; // a ring: item n lives at n % depth
    unsigned lanes_;
    uint64_t next_ = 0;
    bool closed_ = false;
};

} // namespace kanshiki
