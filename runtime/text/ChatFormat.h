//===- ChatFormat.h - Conversations as text -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models of conversations are trained on texts of a certain form. A file has a
// program that makes it (`tokenizer.chat_template`, in Jinja); here is a table
// of the forms there are, and what the program contains says which one it is.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TEXT_CHATFORMAT_H
#define RLX_RUNTIME_TEXT_CHATFORMAT_H

#include "runtime/Status.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

enum class ChatRole { system, user, assistant };

struct ChatMessage {
  ChatRole role = ChatRole::user;
  std::string text;
};

/// A row of the table. What stands before and behind a message of each role.
struct ChatFormat {
  std::string_view name;
  std::string_view marker; ///< In the file's template.
  struct Frame {
    std::string_view before, behind;
  };
  Frame system, user, assistant;
  /// Whether the system's message is a part of the first one of the user.
  bool systemInUser = false;
};

/// The format of that name. Error: there is none, with those there are.
Result<const ChatFormat *> findChatFormat(std::string_view name);
/// The format that a template is of; that of the name `none`, where it is of
/// none that is known, or empty.
const ChatFormat &guessChatFormat(std::string_view chatTemplate);

/// The text of messages, and where `answer` of what an answer begins with.
/// The token for the beginning is not in it.
std::string formatChat(const ChatFormat &format,
                       std::span<const ChatMessage> messages,
                       bool answer = true);

} // namespace rlx

#endif // RLX_RUNTIME_TEXT_CHATFORMAT_H
