package org.jresnet.data.drawn;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.RadialGradientPaint;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Arc2D;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Line2D;
import java.awt.geom.Path2D;
import java.awt.geom.QuadCurve2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.SplittableRandom;

/** Draws one face: everything about it is drawn at random, nothing depends on the class. */
final class Scene {
  private static final int[] SKINS = {0xf6d7c3, 0xeec1a2, 0xd9a47f, 0xb97f5a, 0x8f5b3c, 0x64402b};
  private static final int[] HAIRS = {
    0x1c1612, 0x3b2618, 0x6b4226, 0xa8743a, 0xd8b46a, 0x8a8a8a, 0x7a2f1b
  };
  private static final int[] IRISES = {0x4b2e1a, 0x5f7d4f, 0x4e7ca8, 0x6b6f73};

  private final SplittableRandom random;
  private final Graphics2D g;

  private Scene(SplittableRandom random, Graphics2D g) {
    this.random = random;
    this.g = g;
  }

  /** A face on a square of the given side. */
  static BufferedImage draw(SplittableRandom random, int side) {
    BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_INT_RGB);
    Graphics2D g = image.createGraphics();
    try {
      g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      g.scale(side / 100.0, side / 100.0);
      new Scene(random, g).draw();
    } finally {
      g.dispose();
    }
    return image;
  }

  /**
   * The same with what makes photographs hard to tell apart by content: a background with texture,
   * freckles, wrinkles, earrings, a pattern of light.
   */
  static BufferedImage drawRich(SplittableRandom random, int side) {
    BufferedImage image = draw(random, side);
    Graphics2D g = image.createGraphics();
    try {
      g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
      g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
      g.scale(side / 100.0, side / 100.0);
      new Scene(random, g).enrich();
    } finally {
      g.dispose();
    }
    return image;
  }

  private double between(double low, double high) {
    return low + random.nextDouble() * (high - low);
  }

  private boolean chance(double probability) {
    return random.nextDouble() < probability;
  }

  private Color varied(int rgb, double spread) {
    double light = between(1 - spread, 1 + spread);
    return scaled(new Color(rgb), light);
  }

  private static Color scaled(Color c, double factor) {
    return new Color(
        channel(c.getRed() * factor),
        channel(c.getGreen() * factor),
        channel(c.getBlue() * factor));
  }

  private static int channel(double value) {
    return (int) Math.max(0, Math.min(255, Math.round(value)));
  }

  private void fill(Shape shape, Color color) {
    g.setColor(color);
    g.fill(shape);
  }

  private void line(Shape shape, Color color, double width) {
    g.setStroke(new BasicStroke((float) width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
    g.setColor(color);
    g.draw(shape);
  }

  private static Ellipse2D ellipse(double x, double y, double rx, double ry) {
    return new Ellipse2D.Double(x - rx, y - ry, 2 * rx, 2 * ry);
  }

  private void draw() {
    background();
    Color skin = varied(SKINS[random.nextInt(SKINS.length)], 0.08);
    Color hair = varied(HAIRS[random.nextInt(HAIRS.length)], 0.2);
    double x = between(45, 55);
    double y = between(46, 54);
    double rx = between(19, 24);
    double ry = between(25, 31);
    AffineTransform upright = g.getTransform();
    g.rotate(between(-0.18, 0.18), x, y);
    boolean longHair = chance(0.5);
    if (longHair) {
      fill(
          ellipse(x, y + between(2, 8), rx * between(1.25, 1.45), ry * between(1.15, 1.35)),
          scaled(hair, 0.8));
    }
    body(x, y, rx, ry, skin);
    double ear = between(3, 4.5);
    fill(ellipse(x - rx, y + 1, ear, ear * 1.5), scaled(skin, 0.88));
    fill(ellipse(x + rx, y + 1, ear, ear * 1.5), scaled(skin, 0.88));
    Area head = new Area(ellipse(x, y - 2, rx, ry * 0.92));
    head.add(new Area(ellipse(x, y + ry * 0.25, rx * between(0.82, 0.97), ry * 0.75)));
    fill(head, skin);
    light(head, x, y, rx);
    if (chance(0.3)) {
      beard(x, y, rx, ry, hair);
    }
    eyes(x, y - between(2, 5), rx, hair);
    nose(x, y, skin);
    mouth(x, y + ry * between(0.42, 0.52), rx, skin);
    hairTop(x, y, rx, ry, hair);
    g.setTransform(upright);
    shade();
  }

  /** Over the finished face, whose place varies little. */
  private void enrich() {
    Area around = new Area(new Rectangle2D.Double(0, 0, 100, 100));
    around.subtract(new Area(ellipse(50, 52, 34, 46)));
    g.setClip(around);
    int strokes = 20 + random.nextInt(60);
    double length = between(2, 12);
    double angle = between(0, Math.PI);
    Color tint = Color.getHSBColor((float) random.nextDouble(), 0.4f, (float) between(0.2, 0.95));
    for (int i = 0; i < strokes; i++) {
      double x = between(0, 100);
      double y = between(0, 100);
      double turn = angle + between(-0.3, 0.3);
      g.setStroke(new BasicStroke((float) between(0.15, 0.8)));
      g.setColor(
          new Color(tint.getRed(), tint.getGreen(), tint.getBlue(), 40 + random.nextInt(120)));
      g.draw(new Line2D.Double(x, y, x + length * Math.cos(turn), y + length * Math.sin(turn)));
    }
    g.setClip(null);
    int freckles = chance(0.4) ? 20 + random.nextInt(80) : random.nextInt(6);
    for (int i = 0; i < freckles; i++) {
      g.setColor(new Color(90, 50, 30, 25 + random.nextInt(50)));
      double r = between(0.15, 0.45);
      g.fill(ellipse(50 + 8 * random.nextGaussian(), 56 + 4 * random.nextGaussian(), r, r));
    }
    int wrinkles = chance(0.4) ? 2 + random.nextInt(4) : 0;
    for (int i = 0; i < wrinkles; i++) {
      double y = between(32, 38);
      g.setStroke(new BasicStroke((float) between(0.15, 0.35)));
      g.setColor(new Color(60, 35, 25, 30 + random.nextInt(50)));
      g.draw(new QuadCurve2D.Double(40, y, 50, y - between(0.5, 2), 60, y));
    }
    if (chance(0.3)) {
      Color metal = chance(0.5) ? new Color(230, 190, 90) : new Color(210, 215, 220);
      double r = between(0.7, 1.6);
      double apart = between(19, 24);
      double y = between(58, 64);
      fill(ellipse(50 - apart, y, r, r * 1.3), metal);
      fill(ellipse(50 + apart, y, r, r * 1.3), metal);
    }
  }

  private void background() {
    Color a =
        Color.getHSBColor(
            (float) random.nextDouble(), (float) between(0.05, 0.5), (float) between(0.35, 0.95));
    Color b =
        Color.getHSBColor(
            (float) random.nextDouble(), (float) between(0.05, 0.5), (float) between(0.25, 0.9));
    g.setPaint(new GradientPaint((float) between(0, 100), 0, a, (float) between(0, 100), 100, b));
    g.fill(new Rectangle2D.Double(0, 0, 100, 100));
    int blobs = random.nextInt(12);
    for (int i = 0; i < blobs; i++) {
      Color c = Color.getHSBColor((float) random.nextDouble(), 0.3f, (float) between(0.3, 0.9));
      g.setColor(new Color(c.getRed(), c.getGreen(), c.getBlue(), 60));
      double r = between(3, 18);
      g.fill(ellipse(between(0, 100), between(0, 100), r, r * between(0.5, 1.5)));
    }
  }

  private void body(double x, double y, double rx, double ry, Color skin) {
    Color shirt =
        Color.getHSBColor(
            (float) random.nextDouble(), (float) between(0.1, 0.8), (float) between(0.2, 0.9));
    fill(new Rectangle2D.Double(x - rx * 0.45, y + ry * 0.5, rx * 0.9, 40), scaled(skin, 0.85));
    Path2D shoulders = new Path2D.Double();
    double top = y + ry * between(1.15, 1.3);
    shoulders.moveTo(x - rx * 2.1, 110);
    shoulders.quadTo(x - rx * 2, top, x - rx * 0.5, top);
    shoulders.quadTo(x, top + between(3, 9), x + rx * 0.5, top);
    shoulders.quadTo(x + rx * 2, top, x + rx * 2.1, 110);
    shoulders.closePath();
    fill(shoulders, shirt);
    if (chance(0.5)) {
      g.setClip(shoulders);
      double step = between(2, 5);
      for (double s = 0; s < 120; s += step) {
        line(new Line2D.Double(s, 60, s + between(-2, 2), 110), scaled(shirt, 0.8), step * 0.25);
      }
      g.setClip(null);
    }
  }

  private void light(Area head, double x, double y, double rx) {
    float side = (float) between(-0.6, 0.6);
    g.setPaint(
        new RadialGradientPaint(
            (float) (x + side * rx),
            (float) (y - 8),
            (float) (rx * 1.9),
            new float[] {0f, 0.55f, 1f},
            new Color[] {
              new Color(255, 255, 255, 50), new Color(255, 255, 255, 0), new Color(0, 0, 0, 80)
            }));
    g.fill(head);
    g.setColor(new Color(220, 90, 80, 40));
    double cheek = between(4, 6);
    g.fill(ellipse(x - rx * 0.55, y + 8, cheek, cheek * 0.8));
    g.fill(ellipse(x + rx * 0.55, y + 8, cheek, cheek * 0.8));
  }

  private void beard(double x, double y, double rx, double ry, Color hair) {
    Area beard = new Area(ellipse(x, y + ry * 0.45, rx * 0.9, ry * 0.56));
    beard.subtract(new Area(ellipse(x, y + ry * 0.05, rx * 0.85, ry * 0.5)));
    g.setColor(
        new Color(hair.getRed(), hair.getGreen(), hair.getBlue(), 150 + random.nextInt(100)));
    g.fill(beard);
  }

  private void eyes(double x, double y, double rx, Color hair) {
    double apart = rx * between(0.42, 0.5);
    double width = between(3.6, 4.8);
    double height = width * between(0.5, 0.75);
    Color iris = varied(IRISES[random.nextInt(IRISES.length)], 0.2);
    double look = between(-1, 1);
    double tilt = between(-1.5, 1.5);
    for (int side = -1; side <= 1; side += 2) {
      double ex = x + side * apart;
      Ellipse2D white = ellipse(ex, y, width, height);
      fill(white, new Color(245, 242, 238));
      Area inside = new Area(ellipse(ex + look, y, height * 0.85, height * 0.85));
      inside.intersect(new Area(white));
      fill(inside, iris);
      fill(ellipse(ex + look, y, height * 0.4, height * 0.4), new Color(15, 12, 10));
      fill(ellipse(ex + look + 0.6, y - 0.7, 0.5, 0.5), Color.WHITE);
      line(
          new Arc2D.Double(ex - width, y - height, 2 * width, 2 * height, 10, 160, Arc2D.OPEN),
          scaled(hair, 0.6),
          0.7);
      double brow = y - height - between(2, 3.5);
      line(
          new QuadCurve2D.Double(
              ex - width * 1.1,
              brow + side * tilt,
              ex,
              brow - 2,
              ex + width * 1.1,
              brow - side * tilt),
          scaled(hair, 0.75),
          between(0.9, 1.8));
    }
    if (chance(0.3)) {
      Color frame = Color.getHSBColor((float) random.nextDouble(), 0.4f, (float) between(0.1, 0.4));
      double lens = width * between(1.35, 1.6);
      line(ellipse(x - apart, y, lens, lens * 0.85), frame, 0.9);
      line(ellipse(x + apart, y, lens, lens * 0.85), frame, 0.9);
      line(
          new QuadCurve2D.Double(x - apart + lens, y, x, y - 1.5, x + apart - lens, y), frame, 0.9);
    }
  }

  private void nose(double x, double y, Color skin) {
    double length = between(6, 10);
    double width = between(2.2, 3.6);
    Path2D nose = new Path2D.Double();
    nose.moveTo(x - 0.8, y - 2);
    nose.quadTo(x - width, y + length, x - width * 0.4, y + length + 0.5);
    nose.quadTo(x, y + length + 1.5, x + width, y + length - 0.6);
    line(nose, scaled(skin, 0.72), 0.8);
    fill(ellipse(x + 0.4, y + length - 2, 0.9, 1.2), new Color(255, 255, 255, 70));
  }

  private void mouth(double x, double y, double rx, Color skin) {
    double width = rx * between(0.32, 0.5);
    double smile = between(-1.5, 4.5);
    Color lips = scaled(new Color(196, 84, 84), skin.getRed() / 230.0);
    Path2D mouth = new Path2D.Double();
    mouth.moveTo(x - width, y);
    mouth.quadTo(x, y - 1.6, x + width, y);
    mouth.quadTo(x, y + smile + 3, x - width, y);
    fill(mouth, lips);
    line(new QuadCurve2D.Double(x - width, y, x, y + smile, x + width, y), scaled(lips, 0.55), 0.6);
    if (smile > 2.5 && chance(0.6)) {
      fill(ellipse(x, y + smile * 0.45, width * 0.6, smile * 0.18), new Color(246, 244, 238));
    }
  }

  private void hairTop(double x, double y, double rx, double ry, Color hair) {
    Area top =
        new Area(ellipse(x, y - ry * 0.35, rx * between(1.03, 1.15), ry * between(0.66, 0.8)));
    top.subtract(
        new Area(
            ellipse(
                x + between(-6, 6),
                y + ry * between(0.15, 0.35),
                rx * between(0.95, 1.2),
                ry * between(0.75, 0.95))));
    fill(top, hair);
    g.setClip(top);
    for (int i = 0; i < 26; i++) {
      double at = between(-rx, rx);
      line(
          new QuadCurve2D.Double(
              x + at, y - ry * 1.2, x + at * 1.2, y - ry * 0.6, x + at * between(1, 1.5), y),
          scaled(hair, between(0.75, 1.35)),
          between(0.2, 0.6));
    }
    g.setClip(null);
  }

  private void shade() {
    g.setPaint(
        new RadialGradientPaint(
            (float) between(30, 70),
            (float) between(25, 60),
            90f,
            new float[] {0.3f, 1f},
            new Color[] {new Color(0, 0, 0, 0), new Color(0, 0, 0, 40 + random.nextInt(60))}));
    g.fill(new Rectangle2D.Double(0, 0, 100, 100));
  }
}
