#pragma once
// Seconds since 1970 as a date, UTC, proleptic Gregorian; never by the C library's zone.

#include "kanshiki/file_system.h"

namespace kanshiki {

std::string iso8601(const Timestamp& time, unsigned digits);         // digits: of the fraction, 0 to 9; ends in "Z"
constexpr size_t iso8601_room = 64;                                  // bytes: more than any time takes
char* put_iso8601(char* at, const Timestamp& time, unsigned digits); // returns the end
std::string iso8601_offset(const Timestamp& time, unsigned digits);  // ends in "+00:00"
int64_t microseconds(const Timestamp& time);                         // since 1970; clamped to what 64 bits hold

} // namespace kanshiki
