//===- TestSupport.h - Folders and messages for the runtime's tests -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder that lives as long as a test, whole files in one call, and checks of
// an error's sentence.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_RUNTIME_TESTSUPPORT_H
#define RLX_TESTS_UNIT_RUNTIME_TESTSUPPORT_H

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace rlx::test {

/// An empty folder of its own, removed at the end.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "rlx-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(root); }

  /// The path of a file in it.
  std::string operator/(std::string_view name) const {
    return (root / name).string();
  }

  /// How many of `begun` files are seen before they are finished: none where
  /// the file system has files without a name.
  size_t numBegun(size_t begun) const {
    int unnamed = open(root.c_str(), O_TMPFILE | O_WRONLY, 0600);
    if (unnamed < 0)
      return begun;
    close(unnamed);
    return 0;
  }
  size_t numFiles() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(root), {}));
  }

private:
  std::filesystem::path root;
};

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void writeFile(const std::string &path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

/// Expects an error, of a Status or a Result, that holds each of the parts.
template <class Outcome, class... Parts>
void expectError(const Outcome &outcome, const Parts &...parts) {
  ASSERT_FALSE(outcome.ok());
  const std::string &message = outcome.message();
  for (std::string_view part : {std::string_view(parts)...})
    EXPECT_NE(message.find(part), std::string::npos)
        << "expected: " << part << "\ngot: " << message;
  EXPECT_FALSE(message.empty());
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_RUNTIME_TESTSUPPORT_H
