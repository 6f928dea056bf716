package org.jresnet.models;

import org.jresnet.graph.Activation;
import org.jresnet.graph.Conv2d;
import org.jresnet.graph.ConvTranspose2d;
import org.jresnet.graph.Graph;
import org.jresnet.graph.MaxUnpool;
import org.jresnet.graph.Op;

/**
 * GANprintR's convolutional autoencoder (Neves et al. 2020, <a
 * href="https://arxiv.org/abs/1911.05351">arXiv:1911.05351</a>): 3x3 convolutions with ReLU to 32,
 * 64, 128 and L channels, a 2x2 max pool after each of the first three; back by 3x3 transposed
 * convolutions with ReLU to 128, 64, 32 and 3 channels, each of the first three followed by the
 * unpooling that puts values back where the pool took them. It takes images of any size from 8x8 on
 * and gives images of the same size, with values from 0 on.
 *
 * <p>Nodes are {@code conv1} to {@code conv4}, {@code pool1} to {@code pool3}, {@code deconv1} to
 * {@code deconv4} and {@code unpool3} to {@code unpool1}, with {@code .relu} after each
 * convolution.
 */
public final class Autoencoder {
  /** Channels after the first convolution in the paper. */
  public static final int WIDTH = 32;

  /** L of the published data set. */
  public static final int LATENT = 32;

  /** Images with a shorter side have nothing left after three pools. */
  public static final int LEAST_SIDE = 8;

  /** The node whose output is the image. */
  public static final String OUTPUT = "deconv4";

  private Autoencoder() {}

  /**
   * The network.
   *
   * @param width channels after the first convolution
   * @param latent channels between encoder and decoder
   */
  public static Graph graph(int width, int latent) {
    Graph.Builder g = Graph.builder("ganprintr", 3);
    int[] channels = {3, width, 2 * width, 4 * width, latent};
    int[] pooled = new int[4];
    int x = 0;
    for (int i = 1; i <= 3; i++) {
      String conv = "conv" + i;
      x = g.add(conv, new Conv2d(channels[i - 1], channels[i], 3, 1, 1).biased(), x);
      x = g.add(conv + ".relu", Activation.relu(), x);
      pooled[i] = x;
      x = g.add("pool" + i, new Op.MaxPool(2, 2, 0), x);
    }
    x = g.add("conv4", new Conv2d(channels[3], channels[4], 3, 1, 1).biased(), x);
    x = g.add("conv4.relu", Activation.relu(), x);
    for (int i = 1; i <= 4; i++) {
      String deconv = "deconv" + i;
      int to = 4 - i;
      x = g.add(deconv, new ConvTranspose2d(channels[to + 1], channels[to], 3, 1, 1).biased(), x);
      x = g.add(deconv + ".relu", Activation.relu(), x);
      if (to > 0) {
        x = g.add("unpool" + to, new MaxUnpool(2, 2, 0), x, pooled[to]);
      }
    }
    return g.build();
  }
}
