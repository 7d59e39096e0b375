#include "acquire/pipeline/chunk_queue.h"

namespace kanshiki {

ChunkQueue::ChunkQueue(size_t depth, unsigned lanes) : items_(depth), lanes_(lanes) {}

Item& ChunkQueue::claim() {
    std::unique_lock lock(mutex_);
    Item& item = items_[next_ % items_.size()];
    free_.wait(lock, [&] { return item.lanes_left == 0; });
    item.number = next_++;
    item.lanes_left = lanes_;
    item.published = false;
    return item;
}

void ChunkQueue::publish(Item& item) {
    std::lock_guard lock(mutex_);
    item.published = true;
    ready_.notify_all();
}

void ChunkQueue::close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    ready_.notify_all();
}

Item* ChunkQueue::wait(uint64_t number) {
    std::unique_lock lock(mutex_);
    Item& item = items_[number % items_.size()];
    ready_.wait(lock, [&] {
        return (number < next_ && item.number == number && item.published) || (closed_ && number >= next_);
    });
    return number < next_ ? &item : nullptr;
}

void ChunkQueue::release(Item& item) {
    std::lock_guard lock(mutex_);
    if (--item.lanes_left == 0) free_.notify_all();
}

} // namespace kanshiki
