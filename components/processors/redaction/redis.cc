#include "base/text.h"
#include "components/processors/redaction/queries.h"

namespace weir::processors::redaction {
namespace {

using Arguments = std::vector<std::string_view>;

// Which arguments of a command are values.
enum class Values : std::uint8_t { all, second, third, fourth, after_first, every_third_after_first, every_second_after_first, every_second, config, bitfield, zadd };

struct Row {
  std::string_view command;
  Values values;
};

constexpr Row rows[] = {{"AUTH", Values::all},
                        {"APPEND", Values::second},
                        {"GETSET", Values::second},
                        {"LPUSHX", Values::second},
                        {"GEORADIUSBYMEMBER", Values::second},
                        {"RPUSHX", Values::second},
                        {"SET", Values::second},
                        {"SETNX", Values::second},
                        {"SISMEMBER", Values::second},
                        {"ZRANK", Values::second},
                        {"ZREVRANK", Values::second},
                        {"ZSCORE", Values::second},
                        {"HSETNX", Values::third},
                        {"LREM", Values::third},
                        {"LSET", Values::third},
                        {"SETBIT", Values::third},
                        {"SETEX", Values::third},
                        {"PSETEX", Values::third},
                        {"SETRANGE", Values::third},
                        {"ZINCRBY", Values::third},
                        {"SMOVE", Values::third},
                        {"RESTORE", Values::third},
                        {"LINSERT", Values::fourth},
                        {"GEOHASH", Values::after_first},
                        {"GEOPOS", Values::after_first},
                        {"GEODIST", Values::after_first},
                        {"LPUSH", Values::after_first},
                        {"RPUSH", Values::after_first},
                        {"SREM", Values::after_first},
                        {"ZREM", Values::after_first},
                        {"SADD", Values::after_first},
                        {"GEOADD", Values::every_third_after_first},
                        {"HSET", Values::every_second_after_first},
                        {"HMSET", Values::every_second_after_first},
                        {"MSET", Values::every_second},
                        {"MSETNX", Values::every_second},
                        {"CONFIG", Values::config},
                        {"BITFIELD", Values::bitfield},
                        {"ZADD", Values::zadd}};

bool is_word(std::string_view text, std::string_view upper) {
  return std::ranges::equal(text, upper, [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 32 : a) == b; });
}

void hide(Arguments& arguments, std::size_t at) {
  if (at < arguments.size()) arguments[at] = "?";
}

// One value stands for all of them.
void hide_from(Arguments& arguments, std::size_t first) {
  if (first >= arguments.size()) return;
  arguments.resize(first + 1);
  arguments[first] = "?";
}

void hide_every(Arguments& arguments, std::size_t step, std::size_t start) {
  for (std::size_t i = start + step - 1; i < arguments.size(); i += step) arguments[i] = "?";
}

// BITFIELD key ... SET type offset value ...: the first value.
void hide_bits(Arguments& arguments) {
  std::size_t set = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (is_word(arguments[i], "SET")) set = i;
    if (set > 0 && i - set == 3) return hide(arguments, i);
  }
}

// ZADD key [NX|XX] [CH] [INCR] score member ...
void hide_members(Arguments& arguments) {
  std::size_t first = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    first = i;
    bool option = arguments[i] == "NX" || arguments[i] == "XX" || arguments[i] == "CH" || arguments[i] == "INCR";
    if (i > 0 && !option) break;
  }
  hide_every(arguments, 2, first);
}

void hide_values(Arguments& arguments, Values values) {
  switch (values) {
    case Values::all: return hide_from(arguments, 0);
    case Values::second: return hide(arguments, 1);
    case Values::third: return hide(arguments, 2);
    case Values::fourth: return hide(arguments, 3);
    case Values::after_first: return hide_from(arguments, 1);
    case Values::every_third_after_first: return hide_every(arguments, 3, 1);
    case Values::every_second_after_first: return hide_every(arguments, 2, 1);
    case Values::every_second: return hide_every(arguments, 2, 0);
    case Values::config:
      if (is_word(arguments[0], "SET")) hide(arguments, 2);
      return;
    case Values::bitfield: return hide_bits(arguments);
    case Values::zadd: return hide_members(arguments);
  }
}

void append_command(std::string& out, std::string_view command, Arguments arguments) {
  if (!out.empty()) out += '\n';
  out += command;
  if (arguments.empty()) return;
  for (auto& row : rows)
    if (is_word(command, row.command)) hide_values(arguments, row.values);
  for (auto argument : arguments) out += ' ', out += argument;
}

// Behind an argument: at the space or line end that no quotes surround.
std::size_t argument_end(std::string_view text, std::size_t at) {
  for (bool quoted = false; at < text.size() && (quoted || (text[at] != ' ' && text[at] != '\n')); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      // What follows a backslash is no quote; a space or a line end ends the argument all the same.
      if (text[at + 1] == '"' || text[at + 1] == '\\') ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    }
  }
  return at;
}

std::size_t behind_spaces(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')) ++at;
  return at;
}

}  // namespace

std::string redis_without_values(std::string_view commands) {
  std::string_view text = trim(commands);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') at = behind_spaces(text, at);
    std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    std::string_view command = text.substr(at, end - at);
    Arguments arguments;
    at = end;
    while (at < text.size() && text[at] == ' ') {
      at = behind_spaces(text, at);
      if (at >= text.size() || text[at] == '\n') break;
      end = argument_end(text, at);
      arguments.push_back(text.substr(at, end - at));
      at = end;
    }
    if (at < text.size()) ++at;  // the line's end
    if (!command.empty()) append_command(out, command, std::move(arguments));
  }
  return out;
}

}  // namespace weir::processors::redaction
