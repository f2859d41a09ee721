//===- VectorCodes.h - Codes that elements share ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where stored bits name vectors (LookupAttr), elements have no codes of their
// own: what is chosen are units, the bits of a plane or of planes that name a
// vector, each of which says something of several elements. Units that share
// elements are chosen together, each in turn the best one for what the others
// are, until nothing gets better.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_VECTORCODES_H
#define RLX_CODEGEN_QUANTIZE_VECTORCODES_H

#include "codegen/quantize/Cells.h"
#include "codegen/quantize/CodeLoops.h"
#include "codegen/quantize/FieldNumbers.h"
#include "codegen/quantize/VectorLoops.h"
#include "ir/FieldTerms.h"

#include "llvm/Support/Error.h"

namespace rlx::quantize {

class VectorCodes {
public:
  /// For the code field of a scheme and a problem of one block of it. Error:
  /// elements of a vector lie in several groups of the problem.
  static llvm::Expected<VectorCodes>
  create(QuantScheme scheme, const FieldNumbers &code, const Problem &problem);

  /// Chooses the units of group `group`; `samples` and `q`, which becomes the
  /// numbers, are those of its elements. With a `block`, writes the units into
  /// it.
  Sums assign(int group, Samples samples, Line line, double *q,
              uint8_t *block = nullptr) const;

private:
  /// A part of an element's code.
  struct Member {
    int element;    ///< Of the cluster.
    unsigned shift; ///< Of its component in a vector.
    unsigned component;
  };
  struct Unit {
    FieldTerm term;
    unsigned bits = 0;      ///< Of what is stored.
    unsigned codeShift = 0; ///< Of its part in the element's code.
    llvm::SmallVector<int64_t> firstBits; ///< Of the planes.
    llvm::SmallVector<Member, 8> members;
    unsigned partWidth = 0;
    int table = -1; ///< Of `tables`; -1 where the bits are the part.
    llvm::ArrayRef<int64_t> entries; ///< Of the table.
  };
  /// Elements that units join, and these, those of fewest bits for each element
  /// first, and those of one element last, for which the others have the best.
  struct Cluster {
    llvm::SmallVector<int> elements; ///< Counted from the group's first.
    std::vector<Unit> units;
    size_t joining = 0; ///< Units of several elements.
  };
  struct Choice; // what is known of the units of a cluster
  uint32_t best(const Unit &unit, Choice &choice) const;
  void choose(const Cluster &cluster, Choice &choice) const;
  void takeSingles(const Cluster &cluster, Choice &choice) const;
  int tableOf(const Unit &unit);

  VectorCodes(const FieldNumbers &code) : width(code.attr().width()) {}

  unsigned width; ///< Of an element's code.
  std::vector<double> numbers;
  std::vector<float> singles;                 ///< The same.
  std::vector<std::vector<Cluster>> clusters; ///< Of each group.
  struct Table {
    LookupAttr lookup;
    unsigned components;
    VectorTable vectors;
  };
  std::vector<Table> tables;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_VECTORCODES_H
