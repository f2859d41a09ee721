//===- Status.h - Success, or one sentence that says what went wrong ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Status and Result carry errors through the runtime, which throws nothing.
// An error is one sentence: lower case start, what, where, what was expected
// and what was found. Whoever prints it adds the prefix ("error: ") and the
// line end; nothing here prints.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_STATUS_H
#define RLX_RUNTIME_STATUS_H

#include <fmt/format.h>

#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace rlx {

/// Success, or an error with its sentence. The default is success.
class [[nodiscard]] Status {
public:
  Status() = default;

  /// An error that says `message`.
  static Status error(std::string message) {
    Status status;
    status.failed = true;
    status.text = std::move(message);
    return status;
  }

  bool ok() const { return !failed; }
  explicit operator bool() const { return ok(); }

  /// The sentence of the error; empty on success.
  const std::string &message() const { return text; }

private:
  bool failed = false;
  std::string text;
};

/// An error whose sentence is formatted by fmt.
template <class... Args>
Status errorf(fmt::format_string<Args...> format, Args &&...args) {
  return Status::error(fmt::format(format, std::forward<Args>(args)...));
}

/// A value of type T, or an error. `*` and `->` ask for the value and are only
/// allowed when ok().
template <class T> class [[nodiscard]] Result {
public:
  /// From anything that converts to T, so that a unique_ptr to a derived class
  /// is returned as one to its base.
  template <class U = T>
  requires(std::convertible_to<U &&, T> &&
           !std::same_as<std::remove_cvref_t<U>, Status> &&
           !std::same_as<std::remove_cvref_t<U>, Result>) Result(U &&value)
      : value(std::forward<U>(value)) {}

  /// From an error. A success here has no value to give and becomes an error,
  /// so that ok() always means that there is a value.
  Result(Status error)
      : failure(error.ok() ? Status::error("a success was returned in place of "
                                           "a value")
                           : std::move(error)) {}

  bool ok() const { return value.has_value(); }
  explicit operator bool() const { return ok(); }

  T &operator*() & { return *value; }
  const T &operator*() const & { return *value; }
  T &&operator*() && { return std::move(*value); }
  T *operator->() { return &*value; }
  const T *operator->() const { return &*value; }

  /// Success, or the error.
  const Status &status() const { return failure; }
  /// The sentence of the error; empty on success.
  const std::string &message() const { return failure.message(); }

  /// Moves the value out.
  T take() { return std::move(*value); }

private:
  std::optional<T> value;
  Status failure;
};

} // namespace rlx

#endif // RLX_RUNTIME_STATUS_H
