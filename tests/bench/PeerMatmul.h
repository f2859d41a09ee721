//===- PeerMatmul.h - Matmuls computed by ggml ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Through ggml's public interface alone: a backend for the CPU, its kinds of
// buffers, and a graph of one product for each copy of the weight.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_BENCH_PEERMATMUL_H
#define RLX_TESTS_BENCH_PEERMATMUL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <ggml-backend.h>
#include <ggml.h>

#include <vector>

namespace rlx::bench {

/// The CPU of ggml, found through its registry, so that it may be linked or
/// loaded.
class Peer {
public:
  explicit Peer(unsigned threads) {
    ggml_backend_load_all();
    backend = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr);
    if (!backend)
      return;
    ggml_backend_dev_t device = ggml_backend_get_device(backend);
    ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(device);
    auto setThreads = reinterpret_cast<ggml_backend_set_n_threads_t>(
        ggml_backend_reg_get_proc_address(registry,
                                          "ggml_backend_set_n_threads"));
    if (setThreads)
      setThreads(backend, int(threads));
    plain = ggml_backend_get_default_buffer_type(backend);
    auto listOthers = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(registry,
                                          "ggml_backend_dev_get_extra_bufts"));
    if (!listOthers)
      return;
    for (auto *other = listOthers(device); other && *other; ++other)
      repacking.push_back(*other);
  }
  ~Peer() { ggml_backend_free(backend); }

  ggml_backend_t backend = nullptr;
  ggml_backend_buffer_type_t plain = nullptr;
  std::vector<ggml_backend_buffer_type_t> repacking;
};

/// Products of ggml on several copies of a weight in one kind of buffer.
class PeerMatmul {
public:
  PeerMatmul(const Peer &peer, ggml_type type, int64_t m, int64_t n, int64_t k,
             llvm::ArrayRef<uint8_t> weight, llvm::ArrayRef<float> x,
             ggml_backend_buffer_type_t kind, int64_t copies)
      : peer(peer) {
    size_t nodes = size_t(copies) * 4 + 4;
    ggml_init_params parameters = {nodes * ggml_tensor_overhead() +
                                       size_t(copies) *
                                           ggml_graph_overhead_custom(4, false),
                                   nullptr, /*no_alloc=*/true};
    context = ggml_init(parameters);
    ggml_tensor *input = ggml_new_tensor_2d(context, GGML_TYPE_F32, k, m);
    if (!place(input, peer.plain))
      return;
    ggml_backend_tensor_set(input, x.data(), 0, x.size() * sizeof(float));
    for (int64_t i = 0; i < copies; ++i) {
      ggml_tensor *w = ggml_new_tensor_2d(context, type, k, n);
      ggml_tensor *y = ggml_mul_mat(context, w, input);
      // A kind of buffer that does not repack this type does not support it.
      if (!place(w, kind) || !ggml_backend_supports_op(peer.backend, y) ||
          !place(y, peer.plain))
        return;
      ggml_backend_tensor_set(w, weight.data(), 0, weight.size());
      ggml_cgraph *graph = ggml_new_graph_custom(context, 4, false);
      ggml_build_forward_expand(graph, y);
      outputs.push_back(y);
      graphs.push_back(graph);
    }
    usable = true;
  }
  ~PeerMatmul() {
    for (ggml_backend_buffer_t buffer : buffers)
      ggml_backend_buffer_free(buffer);
    ggml_free(context);
  }

  bool isUsable() const { return usable; }
  llvm::Error run(int64_t copy) {
    if (ggml_backend_graph_compute(peer.backend, graphs[copy]) ==
        GGML_STATUS_SUCCESS)
      return llvm::Error::success();
    return llvm::createStringError("ggml could not compute a product");
  }
  std::vector<float> result() {
    std::vector<float> values(ggml_nelements(outputs[0]));
    ggml_backend_tensor_get(outputs[0], values.data(), 0,
                            values.size() * sizeof(float));
    return values;
  }

private:
  bool place(ggml_tensor *tensor, ggml_backend_buffer_type_t kind) {
    ggml_backend_buffer_t buffer = ggml_backend_buft_alloc_buffer(
        kind, ggml_backend_buft_get_alloc_size(kind, tensor));
    if (!buffer)
      return false;
    buffers.push_back(buffer);
    return ggml_backend_tensor_alloc(buffer, tensor,
                                     ggml_backend_buffer_get_base(buffer)) ==
           GGML_STATUS_SUCCESS;
  }

  const Peer &peer;
  ggml_context *context = nullptr;
  std::vector<ggml_backend_buffer_t> buffers;
  std::vector<ggml_cgraph *> graphs;
  std::vector<ggml_tensor *> outputs;
  bool usable = false;
};

} // namespace rlx::bench

#endif // RLX_TESTS_BENCH_PEERMATMUL_H
