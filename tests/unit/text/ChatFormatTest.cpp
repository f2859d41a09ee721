//===- ChatFormatTest.cpp - Conversations as text -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/text/ChatFormat.h"
#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;

static std::string format(std::string_view name, bool answer = true) {
  std::vector<ChatMessage> messages = {{ChatRole::system, "Be kind."},
                                       {ChatRole::user, "Hi"},
                                       {ChatRole::assistant, "Hello"},
                                       {ChatRole::user, "Who?"}};
  Result<const ChatFormat *> found = findChatFormat(name);
  EXPECT_TRUE(found.ok()) << found.message();
  return formatChat(**found, messages, answer);
}

// As the models' own templates write it.
TEST(ChatFormat, WritesWhatModelsWereTrainedOn) {
  EXPECT_EQ(format("chatml"),
            "<|im_start|>system\nBe kind.<|im_end|>\n"
            "<|im_start|>user\nHi<|im_end|>\n"
            "<|im_start|>assistant\nHello<|im_end|>\n"
            "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(format("llama-2"),
            "[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Hello </s><s>"
            "[INST] Who? [/INST]");
  EXPECT_EQ(format("llama-3"),
            "<|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nWho?<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
  EXPECT_EQ(format("gemma"),
            "<start_of_turn>user\nBe kind.\n\nHi<end_of_turn>\n"
            "<start_of_turn>model\nHello<end_of_turn>\n"
            "<start_of_turn>user\nWho?<end_of_turn>\n<start_of_turn>model\n");
  EXPECT_EQ(format("none"), "Be kind.HiHelloWho?");
  EXPECT_TRUE(format("chatml", false).ends_with("Who?<|im_end|>\n"));
}

TEST(ChatFormat, IsFoundInTemplates) {
  EXPECT_EQ(guessChatFormat("{{'<|im_start|>' + role}}").name, "chatml");
  EXPECT_EQ(guessChatFormat("<|start_header_id|>").name, "llama-3");
  EXPECT_EQ(guessChatFormat("{{ bos_token + '[INST] ' }}").name, "llama-2");
  EXPECT_EQ(guessChatFormat("<start_of_turn>").name, "gemma");
  EXPECT_EQ(guessChatFormat("").name, "none");
  EXPECT_EQ(guessChatFormat("{{ messages }}").name, "none");
  test::expectError(findChatFormat("alpaca"), "chatml", "llama-3", "'alpaca'");
}
