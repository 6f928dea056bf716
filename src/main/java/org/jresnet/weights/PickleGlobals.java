package org.jresnet.weights;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which names a pickle may import: the few that a state dict needs. */
final class PickleGlobals {
  /** A name imported by the pickle. */
  record Global(String module, String name) {
    @Override
    public String toString() {
      return module + "." + name;
    }
  }

  /** Calling one of these builds plain data, in {@link PickleCalls}. */
  static final Set<String> FUNCTIONS =
      Set.of(
          "collections.OrderedDict",
          "torch._utils._rebuild_tensor",
          "torch._utils._rebuild_tensor_v2",
          "torch._utils._rebuild_tensor_v3",
          "torch._utils._rebuild_parameter",
          "torch._utils._rebuild_parameter_with_state",
          "torch.nn.parameter.Parameter",
          "torch.Size");

  /** Plain values that checkpoints hold beside the tensors; calling one gives nothing of use. */
  private static final Set<String> INERT =
      Set.of(
          "collections.Counter",
          "torch.device",
          "_codecs.encode",
          "__builtin__.set",
          "builtins.set",
          "__builtin__.bytearray",
          "builtins.bytearray");

  /** Tensors that are no plain array, what they are, and what to do. */
  private static final Map<String, String> OTHER_TENSORS = new HashMap<>();

  static {
    other(
        "a sparse tensor; make it dense with tensor.to_dense()",
        "torch._utils._rebuild_sparse_tensor",
        "torch._utils._rebuild_sparse_csr_tensor",
        "torch.serialization._get_layout");
    other(
        "a quantised tensor; turn it into numbers with tensor.dequantize(), or save the weights from"
            + " before quantisation",
        "torch._utils._rebuild_qtensor",
        "torch.per_tensor_affine",
        "torch.per_channel_affine",
        "torch.per_channel_affine_float_qparams");
    other(
        "a meta tensor, which has a shape but no values; save the model after its weights are loaded",
        "torch._utils._rebuild_meta_tensor_no_storage");
    other(
        "a nested tensor; turn it into a plain one with tensor.to_padded_tensor(0)",
        "torch._utils._rebuild_nested_tensor");
    other(
        "a tensor of a subclass or with attributes; save plain ones, such as"
            + " tensor.detach().clone()",
        "torch._tensor._rebuild_from_type",
        "torch._tensor._rebuild_from_type_v2",
        "torch._utils._rebuild_wrapper_subclass");
    other(
        "a tensor of another device (XLA or similar); move it with tensor.cpu()",
        "torch._utils._rebuild_device_tensor_from_numpy",
        "torch._utils._rebuild_device_tensor_from_cpu_tensor",
        "torch._utils._rebuild_xla_tensor");
  }

  private PickleGlobals() {}

  private static void other(String what, String... globals) {
    for (String global : List.of(globals)) {
      OTHER_TENSORS.put(global, what);
    }
  }

  private static boolean torch(String module) {
    return module.equals("torch") || module.equals("torch.storage");
  }

  /** Whether it is the class of a storage, or the name of an element type. */
  static boolean isType(Global global) {
    return torch(global.module())
        && (TorchTypes.ofStorage(global.name()).isPresent()
            || global.module().equals("torch") && TorchTypes.ofName(global.name()).isPresent());
  }

  /** Whether a call of it gives nothing that a state dict needs. */
  static boolean isInert(Global global) {
    return INERT.contains(global.toString());
  }

  /**
   * Passes what a state dict needs.
   *
   * @param before what stands before it in the pickle; in a dict that is the tensor's name
   * @throws PickleException for anything else
   */
  static Global require(String module, String name, Object before) throws PickleException {
    Global global = new Global(module, name);
    String full = global.toString();
    String tensor = before instanceof String text ? FileBytes.show(text) + " is " : "it holds ";
    String other = OTHER_TENSORS.get(full);
    if (other != null) {
      throw new PickleException(tensor + other);
    }
    if (isType(global) || FUNCTIONS.contains(full) || INERT.contains(full)) {
      return global;
    }
    if (torch(module) && isUnsupportedType(name)) {
      throw new PickleException(
          "it holds tensors in a "
              + global
              + ", whose element type is not supported; "
              + (name.startsWith("Q") || name.startsWith("q")
                  ? "turn them into numbers with tensor.dequantize()"
                  : "convert them with tensor.float()"));
    }
    throw new PickleException(
        "it asks to import "
            + FileBytes.show(global)
            + ", which a state dict does not need; it may be malicious. Nothing was run. If you"
            + " trust its source, save only the weights: torch.save(model.state_dict(), file)");
  }

  /** Storages and element types of torch that have no place in {@code DType}. */
  private static boolean isUnsupportedType(String name) {
    return name.matches(
        "(ComplexFloat|ComplexDouble|QInt8|QUInt8|QInt32|QUInt4x2|QUInt2x4)Storage"
            + "|complex(32|64|128)|float[48]_\\w{1,20}|q?u?int[1-8]|qint32|quint4x2|quint2x4");
  }
}
