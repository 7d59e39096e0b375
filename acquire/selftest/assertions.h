#pragma once
// Each assertion of the selftest: what must hold, and how it is looked at.

#include "acquire/selftest/subjects.h"

namespace kanshiki::selftest {

struct Seen {
    std::string done, expected, seen;
    bool passed = false;
};

struct Assertion {
    std::string_view id;
    std::string_view says;
    Seen (*look)(const Subjects&); // what it throws counts as failed
};

// In assertions_of_acquisition.cpp: what was read and recorded.
Seen all_sectors(const Subjects&);
Seen accurate(const Subjects&);
Seen errors_reported(const Subjects&);
Seen benign_fill(const Subjects&);
Seen chunk_digests(const Subjects&);
Seen log_accurate(const Subjects&);
Seen any_threads(const Subjects&);
Seen source_unchanged(const Subjects&);
// In assertions_of_evidence.cpp: what becomes of it.
Seen no_room(const Subjects&);
Seen unchanged_image(const Subjects&);
Seen changed_image(const Subjects&);
Seen conversion(const Subjects&);

} // namespace kanshiki::selftest
