#pragma once
// What a person or a script sees while something runs, on standard error.

#include "kanshiki/events.h"

#include <memory>
#include <stop_token>

namespace kanshiki {

// automatic: a bar on a terminal, else a line now and then. json: one object a line.
enum class ProgressStyle { automatic, bar, line, json, none };

// Shows notices and progress. Everything from outside is escaped. Thread-safe.
std::unique_ptr<Events> open_console(ProgressStyle style, bool quiet);

// SIGINT, SIGTERM and SIGHUP become a stop request; a second one ends the program at once. One per process, before any
// other thread starts (it blocks the signals for all of them).
class StopOnSignal {
public:
    StopOnSignal();
    ~StopOnSignal();
    std::stop_token token() const { return source_.get_token(); }

private:
    std::stop_source source_;
    struct Watch;
    std::unique_ptr<Watch> watch_;
};

} // namespace kanshiki
