//===- CheckpointKinds.h - How checkpoints store quantized weights --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A rule for each way in which a kind of checkpoint stores a weight, as data:
// which tensors make it up, what their shapes say of N and K, and in which
// scheme they are stored. CheckpointMatcher.h follows the rules.
//
// Texts have letters. In shapes, capital letters are sizes that follow from the
// tensors: `N`, `K`, `E` (experts), `G` (groups of a row); small ones are
// parameters, but `e`, the bytes of an element of the tensor itself. `E? N K`
// is the shape of weights with experts and of those without. In schemes and
// orders `$N` or `$b` is replaced by the number, and
// `$S`, `$Z`, `$C` by the element types of scales, zero points and the global
// scale, as schemes write them, `$Q` by the scheme of the codes' type. In the
// order of a side tensor, `$S` is its own type, and `$s` its bytes.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_CHECKPOINTKINDS_H
#define RLX_RUNTIME_WEIGHTS_CHECKPOINTKINDS_H

#include "runtime/weights/WeightFile.h"

#include <array>
#include <span>
#include <string_view>

namespace rlx {

/// A tensor of a rule.
struct PartRule {
  std::string_view role = {};   ///< As in WeightPart; empty: no part.
  std::string_view suffix = {}; ///< Behind the prefix of the weight's tensors.
  /// Of which it may be, separated by spaces; `$S`: that of the scales.
  std::string_view types = {};
  /// Sizes, separated by spaces: products of letters and numbers, `K*b/32`. A
  /// division that has to be exact where it gives a letter is rounded up where
  /// it is compared. `-` is any shape. One of several, separated by `|`; then
  /// one shape is not taken for another with as many elements.
  std::string_view shape = {};
  std::string_view order = {}, change = {}; ///< As in WeightPart.
  bool isOptional = false;
  /// `path = value` of the configuration, where an optional one has to be
  /// there.
  std::string_view neededWhere = {};
};

struct KindRule {
  std::string_view name;
  WeightContainer container;
  /// What the configuration has to say: `path = value`, separated by `;`. A
  /// path has steps as `a.b.c`; of several, separated by `|`, the first that is
  /// there counts. The step `@` is the object that has the name of the weight's
  /// module, or none where there is no such object; `~` the member that is for
  /// that module (ModuleConfig.h). Of several values,
  /// separated by `,`, one has to be there; an empty one is that of a path that
  /// is not there. `*`: a configuration that has the groups of the path has one
  /// for the module.
  std::string_view conditions;
  /// `letter = path`, separated by `;`: numbers of the configuration, or the
  /// rule does not apply. The path `{suffix}` is a tensor of the weight that
  /// holds numbers, or JSON as its bytes, and steps may follow; `#4` is 4,
  /// where what the path before it leads into is not there. `letter? = path`
  /// need not be there; shapes then say it.
  std::string_view parameters;
  /// `letter = size`, separated by `;`, once the shapes say what is in them. A
  /// division has to be exact, but where ` up` behind it says that it is
  /// rounded up. Behind that may stand `: path`, of a number
  /// of the configuration that has to be the same where it is there: what is
  /// not positive, or beyond K, stands for K.
  std::string_view derived;
  std::string_view logicalSuffix; ///< The weight's name behind the prefix.
  std::string_view shape;         ///< `N K`, `E N K` or `E? N K`.
  std::string_view scheme;
  /// The codes are the first, the scales the second where codes may lie in
  /// floats.
  std::array<PartRule, 8> parts;
};

/// What rules of both files use.
namespace kinds {
constexpr bool optional = true;
constexpr std::string_view floats = "F32 F16 BF16";
/// The group of each column, where groups are not in order.
constexpr PartRule groupIndex = {"group_index",
                                 "g_idx",
                                 "I32 I64",
                                 "K",
                                 "",
                                 "",
                                 optional,
                                 "dynamic.~.desc_act|desc_act = true"};
/// Signed codes of a byte each, with zero points of any type.
constexpr std::string_view int8WithZeros =
    "#rlx.scheme<\"int8/$g with zero points\", block = $g, "
    "code = si8 at (i) -> (i, 0), "
    "zero = $Z in zero_points at (n, k) -> (n, k floordiv $g), "
    "scale = $S in scales at (n, k) -> (n, k floordiv $g)>";
} // namespace kinds

/// Names behind a weight's that change what it multiplies, and that RLX does
/// not read.
std::span<const std::string_view> unreadSuffixes();

/// Kinds of model files, and those of libraries that quantize.
std::span<const KindRule> publishedKinds();
std::span<const KindRule> libraryKinds();
/// All, in the order in which they are tried.
std::span<const KindRule> checkpointKinds();

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_CHECKPOINTKINDS_H
