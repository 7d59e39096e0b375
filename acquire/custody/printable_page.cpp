#include "acquire/custody/printable_page.h"

#include "kanshiki/escape.h"

namespace kanshiki {
namespace {

constexpr const char* style = R"css(
body { font: 11pt/1.4 system-ui, "DejaVu Sans", sans-serif; color: #111; background: #fff; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 1.8em; border-bottom: 1px solid #999; }
table { border-collapse: collapse; width: 100%; font-size: .9em; } th, td { text-align: left; vertical-align: top; padding: .3em .8em .3em 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
.about th { width: 11em; font-weight: 600; } .when { white-space: nowrap; } .problem { border: 2px solid #9b1028; padding: .5em 1em; }
.sign td { height: 3em; border-bottom: 1px solid #111; } tr { break-inside: avoid; }
@page { margin: 18mm; } @media print { body { margin: 0; max-width: none; padding: 0; } }
)css";

} // namespace

std::string printable_page(const std::string& title, const std::string& body) {
    const std::string name = escape_html(title);
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
           "<title>" +
           name + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<h1>" + name + "</h1>\n" + body +
           "</body>\n</html>\n";
}

} // namespace kanshiki
