// SPDX-License-Identifier: Apache-2.0
package org.binocle.android;

import android.graphics.Bitmap;
import java.nio.ByteBuffer;
import org.binocle.PixelFormat;
import org.binocle.Session;

/** Pictures as Android has them. */
public final class Bitmaps {
  private Bitmaps() {}

  /** Looks at a bitmap. One that is no ARGB_8888, or lies in the GPU's memory, is copied first. */
  public static void add(Session session, Bitmap bitmap) {
    boolean plain = bitmap.getConfig() == Bitmap.Config.ARGB_8888;
    Bitmap readable = plain ? bitmap : bitmap.copy(Bitmap.Config.ARGB_8888, false);
    if (readable == null) throw new IllegalArgumentException("the bitmap cannot be copied to ARGB_8888");
    try {
      ByteBuffer pixels = ByteBuffer.allocateDirect(readable.getByteCount());
      readable.copyPixelsToBuffer(pixels);
      pixels.rewind();
      // ARGB_8888 lies as R G B A; alpha is dropped and colours are taken as they are, so pictures should be opaque.
      session.addPixels(pixels, PixelFormat.RGBA8, readable.getWidth(), readable.getHeight(), readable.getRowBytes());
    } finally {
      if (!plain) readable.recycle();
    }
  }
}
