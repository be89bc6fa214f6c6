// SPDX-License-Identifier: Apache-2.0
package android.graphics;

import java.nio.Buffer;
import java.nio.ByteBuffer;

/** As much of Android's class as Bitmaps uses, with rows that end in a gap. */
public final class Bitmap {
  public enum Config {
    ARGB_8888, HARDWARE
  }

  public static int recycled;
  private static final int GAP = 12;
  private final int[] argb;
  private final int width;
  private final Config config;

  public Bitmap(int[] argb, int width, Config config) {
    this.argb = argb;
    this.width = width;
    this.config = config;
  }

  public Config getConfig() {
    return config;
  }

  public Bitmap copy(Config config, boolean mutable) {
    return new Bitmap(argb, width, config);
  }

  public int getWidth() {
    return width;
  }

  public int getHeight() {
    return argb.length / width;
  }

  public int getRowBytes() {
    return 4 * width + GAP;
  }

  public int getByteCount() {
    return getRowBytes() * getHeight();
  }

  public void copyPixelsToBuffer(Buffer to) {
    if (config != Config.ARGB_8888) throw new IllegalStateException("in the GPU's memory");
    ByteBuffer bytes = (ByteBuffer) to;
    for (int i = 0; i < argb.length; i++) {
      int c = argb[i];
      bytes.put((byte) (c >> 16)).put((byte) (c >> 8)).put((byte) c).put((byte) (c >> 24));
      if (i % width == width - 1) bytes.put(new byte[GAP]);
    }
  }

  public void recycle() {
    recycled++;
  }
}
