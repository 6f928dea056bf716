// Activations by number, as ActivationPlan numbers them, and their derivatives.
#pragma once
#include "common.h"

enum Function { RELU = 1, RELU6, LEAKY_RELU, SIGMOID, SILU, HARD_SWISH, HARD_SIGMOID };

__device__ inline float relu6(float x) {
  return x < 0 ? 0.0f : x > 6 ? 6.0f : x;
}

__device__ inline float sigmoid(float x) {
  return 1 / (1 + expf(-x));
}

// NaN stays NaN.
__device__ inline float activate(int function, float slope, float x) {
  switch (function) {
    case RELU:
      return x < 0 ? 0.0f : x;
    case RELU6:
      return relu6(x);
    case LEAKY_RELU:
      return x < 0 ? slope * x : x;
    case SIGMOID:
      return sigmoid(x);
    case SILU:
      return x / (1 + expf(-x));
    case HARD_SWISH:
      return x * relu6(x + 3) / 6;
    default:
      return relu6(x + 3) / 6;
  }
}

// The derivative, by the output for ReLU, ReLU6, leaky ReLU and sigmoid, by the input for the others.
__device__ inline float derivative(int function, float slope, float v) {
  switch (function) {
    case RELU:
      return v > 0 ? 1.0f : 0.0f;
    case RELU6:
      return v > 0 && v < 6 ? 1.0f : 0.0f;
    case LEAKY_RELU:
      return v > 0 ? 1.0f : slope;
    case SIGMOID:
      return v * (1 - v);
    case SILU:
      return sigmoid(v) * (1 + v * (1 - sigmoid(v)));
    case HARD_SWISH:
      return v <= -3 ? 0.0f : v < 3 ? v / 3 + 0.5f : 1.0f;
    default:
      return v > -3 && v < 3 ? 1 / 6.0f : 0.0f;
  }
}
