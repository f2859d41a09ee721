//===- ChatFormat.cpp - Conversations as text -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/ChatFormat.h"

#include "runtime/Text.h"

using namespace rlx;

/// The first row whose marker is in a template is taken.
static constexpr ChatFormat formats[] = {
    {"chatml",
     "<|im_start|>",
     {"<|im_start|>system\n", "<|im_end|>\n"},
     {"<|im_start|>user\n", "<|im_end|>\n"},
     {"<|im_start|>assistant\n", "<|im_end|>\n"}},
    {"llama-3",
     "<|start_header_id|>",
     {"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"},
     {"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"},
     {"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"}},
    {"gemma",
     "<start_of_turn>",
     {"", "\n\n"},
     {"<start_of_turn>user\n", "<end_of_turn>\n"},
     {"<start_of_turn>model\n", "<end_of_turn>\n"},
     /*systemInUser=*/true},
    {"gpt-oss",
     "<|channel|>",
     {"<|start|>system<|message|>", "<|end|>"},
     {"<|start|>user<|message|>", "<|end|>"},
     {"<|start|>assistant<|channel|>final<|message|>", "<|end|>"}},
    {"phi-3",
     "<|user|>",
     {"<|system|>\n", "<|end|>\n"},
     {"<|user|>\n", "<|end|>\n"},
     {"<|assistant|>\n", "<|end|>\n"}},
    {"llama-2",
     "[INST]",
     {"<<SYS>>\n", "\n<</SYS>>\n\n"},
     {"[INST] ", " [/INST]"},
     {" ", " </s><s>"},
     /*systemInUser=*/true},
    {"none", "", {}, {}, {}},
};

Result<const ChatFormat *> rlx::findChatFormat(std::string_view name) {
  std::string known;
  for (const ChatFormat &format : formats) {
    if (format.name == name)
      return &format;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", format.name);
  }
  return errorf("expected a chat format of {}, but got {}", known,
                quoted(name));
}

const ChatFormat &rlx::guessChatFormat(std::string_view chatTemplate) {
  for (const ChatFormat &format : formats)
    if (!format.marker.empty() &&
        chatTemplate.find(format.marker) != std::string_view::npos)
      return format;
  return formats[std::size(formats) - 1];
}

std::string rlx::formatChat(const ChatFormat &format,
                            std::span<const ChatMessage> messages,
                            bool answer) {
  std::string text, system;
  for (const ChatMessage &message : messages) {
    const ChatFormat::Frame &frame =
        message.role == ChatRole::system ? format.system
        : message.role == ChatRole::user ? format.user
                                         : format.assistant;
    if (message.role == ChatRole::system && format.systemInUser) {
      system.append(frame.before).append(message.text).append(frame.behind);
      continue;
    }
    text += frame.before;
    if (message.role == ChatRole::user)
      text += std::exchange(system, {});
    text.append(message.text).append(frame.behind);
  }
  // A blank at the end would be a token that answers do not begin with.
  std::string_view begin = format.assistant.before;
  if (answer)
    text += begin == " " ? "" : begin;
  return text;
}
