//===- ModuleConfigTest.cpp - What a configuration says of a module -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Patterns of names as Python reads them, and groups of modules.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/ModuleConfig.h"

#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;

namespace module_config_test {

std::optional<bool> matches(std::string_view pattern, std::string_view name) {
  std::optional<NamePattern> parsed = NamePattern::parse(pattern);
  if (!parsed)
    return std::nullopt;
  return parsed->matchesStart(name);
}

TEST(NamePattern, ReadsNamesAsPythonDoes) {
  struct Case {
    const char *pattern, *name;
    bool isMatch;
  };
  const Case cases[] = {
      {"", "anything", true},
      {"model", "model.layers", true},
      {"layers", "model.layers", false},
      {".*layers", "model.layers", true},
      {".*down_proj$", "model.layers.0.mlp.down_proj", true},
      {".*down_proj$", "model.layers.0.mlp.down_proj.weight", false},
      {R"(.*\.18\..*gate.*)", "model.layers.18.mlp.gate_proj", true},
      {R"(.*\.18\..*gate.*)", "model.layers.118.mlp.gate_proj", false},
      {R"(model\.layers\.\d+\.mlp)", "model.layers.27.mlp.up", true},
      {R"(model\.layers\.\d+\.mlp)", "model.layers.x.mlp.up", false},
      {"(gate|up|down)_proj$", "up_proj", true},
      {"(?:gate|up)_proj$", "down_proj", false},
      {"a|bc", "bcd", true},
      {"^a", "ba", false},
      {"[0-9a-c]+$", "09abc", true},
      {"[0-9a-c]+$", "09abd", false},
      {"[^.]+$", "a.b", false},
      {"[]a]+$", "]a]", true},
      {R"([\d.]+$)", "1.2", true},
      {"x{2}$", "xx", true},
      {"x{2}$", "xxx", false},
      {"x{2,}$", "xxxxx", true},
      {"x{1,3}$", "xxx", true},
      {"x{1,3}$", "xxxx", false},
      {"x{0}y", "y", true},
      {"(ab?)*c", "ababac", true},
      {"(a*)*$", "aaaa", true},
      {"(a*)*b$", "aaaa", false},
      {"a+?b", "aab", true},
      {"()a", "a", true},
      {"a||b", "c", true},
  };
  for (const Case &each : cases)
    EXPECT_EQ(matches(each.pattern, each.name), each.isMatch)
        << each.pattern << " " << each.name;
}

TEST(NamePattern, RefusesWhatItDoesNotKnow) {
  for (const char *pattern :
       {"(",        ")",   "a)",     "(?=a)",  "(?!a)",
        "(?P<n>a)", "[a",  "[",      "[b-a]",  "*",
        "a**",      "a{2", "a{3,2}", "a{300}", "{2}",
        "\\",       "\\1", "\\b",    "[\\w",   "((a{200}){200}){200}"})
    EXPECT_EQ(matches(pattern, "a"), std::nullopt) << pattern;
  EXPECT_EQ(matches(std::string(5000, 'a'), "a"), std::nullopt);
  std::string nested = std::string(100, '(') + "a" + std::string(100, ')');
  EXPECT_EQ(matches(nested, "a"), std::nullopt);
}

TEST(NamePattern, TakesNoLongTime) {
  std::string name(2000, 'a');
  EXPECT_EQ(matches("(a*)*(a|a)*(a?){50}b", name), false);
}

class Groups : public ::testing::Test {
protected:
  std::string find(const std::string &text, std::string_view module) {
    Result<JsonValue> json = JsonValue::parse("config.json", text);
    EXPECT_TRUE(json) << json.message();
    const JsonValue *found = config.find(*json, module);
    const JsonValue *bits = found ? found->find("bits") : nullptr;
    std::string result = bits    ? std::to_string(*bits->asInteger())
                         : found ? "?"
                                 : "none";
    // The next text may lie where this one did.
    config = ModuleConfig();
    return result;
  }
  ModuleConfig config;
};

TEST_F(Groups, TargetsByNameThenPatternThenClass) {
  std::string groups =
      R"({"a": {"targets": ["Linear"], "bits": 4},
          "b": {"targets": ["re:.*down_proj", "re:.*up_proj"], "bits": 8},
          "c": {"targets": ["model.layers.0.mlp.down_proj"], "bits": 2}})";
  EXPECT_EQ(find(groups, "model.layers.0.mlp.down_proj"), "2");
  EXPECT_EQ(find(groups, "model.layers.1.mlp.down_proj"), "8");
  EXPECT_EQ(find(groups, "model.layers.1.mlp.up_proj"), "8");
  EXPECT_EQ(find(groups, "model.layers.1.mlp.gate_proj"), "4");
}

TEST_F(Groups, OneGroupWithoutTargetsIsForAll) {
  EXPECT_EQ(find(R"({"a": {"targets": ["re:x"], "bits": 4}})", "y"), "none");
  EXPECT_EQ(find(R"({"a": {"targets": ["re:((("], "bits": 4}})", "y"), "none");
  EXPECT_EQ(find(R"({"a": {"targets": 5, "bits": 4}})", "y"), "none");
  EXPECT_EQ(find(R"({"a": {"weights": {}, "bits": 4}})", "y"), "4");
  EXPECT_EQ(find(R"({"a": {"targets": ["re:x"], "bits": 4},
                     "b": {"targets": ["z"], "bits": 8}})",
                 "y"),
            "none");
  EXPECT_EQ(find("{}", "y"), "none");
  EXPECT_EQ(find("[]", "y"), "none");
}

TEST_F(Groups, NamesThatArePatterns) {
  std::string groups = R"({"-:.*lm_head": {}, "+:.*\\.1\\.": {"bits": 8},
                           ".*down": {"bits": 2}})";
  EXPECT_EQ(find(groups, "lm_head"), "none");
  EXPECT_EQ(find(groups, "model.layers.1.down_proj"), "8");
  EXPECT_EQ(find(groups, "model.layers.2.down_proj"), "2");
  EXPECT_EQ(find(groups, "model.layers.2.up_proj"), "none");
}

class Exclusions : public ::testing::Test {
protected:
  /// `list: entry`, or nothing.
  std::string find(const std::string &text, std::string_view module) {
    Result<JsonValue> json = JsonValue::parse("config.json", text);
    EXPECT_TRUE(json) << json.message();
    std::optional<ExcludedModule> found =
        ModuleConfig().findExcluded(*json, module);
    return found ? found->list + ": " + found->entry : "";
  }
};

TEST_F(Exclusions, NamesAndPatternsOfLists) {
  std::string lists = R"({"ignore": ["lm_head", "re:.*vision", "re:(((", 5, ""],
                          "exclude_modules": ["*.router", "a*b*c", "h.1*",
                                              "g.*"]})";
  EXPECT_EQ(find(lists, "lm_head"), "ignore: 'lm_head' in it");
  EXPECT_EQ(find(lists, "lm_head.inner"), "");
  EXPECT_EQ(find(lists, "model.lm_head"), "");
  EXPECT_EQ(find(lists, "model.vision.0"), "ignore: 're:.*vision' in it");
  EXPECT_EQ(find(lists, "x.router"), "exclude_modules: '*.router' in it");
  EXPECT_EQ(find(lists, "x.router.y"), "");
  EXPECT_EQ(find(lists, "a.b.b.c"), "exclude_modules: 'a*b*c' in it");
  EXPECT_EQ(find(lists, "ac"), "");
  EXPECT_EQ(find(lists, "h.1"), "exclude_modules: 'h.1*' in it");
  EXPECT_EQ(find(lists, "h.1.up"), "exclude_modules: 'h.1*' in it");
  EXPECT_EQ(find(lists, "h.10.up"), "");
  EXPECT_EQ(find(lists, "g.10.up"), "exclude_modules: 'g.*' in it");
  EXPECT_EQ(find(lists, "abcd"), "");
  EXPECT_EQ(find(lists, ""), "");
  EXPECT_EQ(find(R"({"ignore": "lm_head"})", "lm_head"), "");
  EXPECT_EQ(find("[]", "lm_head"), "");
}

TEST_F(Exclusions, StepsOfNames) {
  std::string lists = R"({"modules_to_not_convert": ["visual", "a.gate"]})";
  std::string entry = "modules_to_not_convert: 'visual' in it";
  EXPECT_EQ(find(lists, "visual"), entry);
  EXPECT_EQ(find(lists, "visual.blocks.0"), entry);
  EXPECT_EQ(find(lists, "model.visual"), entry);
  EXPECT_EQ(find(lists, "model.visuals"), "");
  EXPECT_EQ(find(lists, "visual_2.a"), "");
  EXPECT_EQ(find(lists, "model.a.gate"),
            "modules_to_not_convert: 'a.gate' in it");
  EXPECT_EQ(find(lists, "model.a.gate_proj"), "");
}

TEST_F(Exclusions, OfMlxAndGptq) {
  EXPECT_EQ(find(R"({"lm_head": false})", "lm_head"), "lm_head: false");
  EXPECT_EQ(find(R"({"lm_head": true})", "lm_head"), "");
  std::string dynamic =
      R"({"dynamic": {"+:.*\\.1\\.": {"bits": 8}, "-:.*down": {}}})";
  EXPECT_EQ(find(dynamic, "a.2.down"), "dynamic: '-:.*down' in it");
  // The first pattern counts.
  EXPECT_EQ(find(dynamic, "a.1.down"), "");
  EXPECT_EQ(find(dynamic, "a.2.up"), "");
}

} // namespace module_config_test
