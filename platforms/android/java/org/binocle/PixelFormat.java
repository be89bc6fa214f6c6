// SPDX-License-Identifier: Apache-2.0
package org.binocle;

/** How pixels lie in memory; in the order of bnc_pixel_format. */
public enum PixelFormat {
  RGB8(3), RGBA8(4), BGR8(3), GRAY8(1), NV12(0), I420(0), BGRA8(4), NV21(0);

  private final int bytes;

  PixelFormat(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes that a picture takes, rowBytes from row to row; 0: without a gap, which YUV must be. */
  long sizeOf(int width, int height, int rowBytes) {
    if (width <= 0 || height <= 0 || rowBytes < 0) throw new IllegalArgumentException("a picture of " + width + " x " + height + " pixels");
    if (bytes == 0) {
      if (rowBytes != 0 && rowBytes != width) throw new IllegalArgumentException("rows of YUV pixels lie without a gap");
      return (long) width * height + 2 * ((width + 1L) / 2) * ((height + 1L) / 2);
    }
    long row = (long) width * bytes;
    if (rowBytes != 0 && rowBytes < row) throw new IllegalArgumentException("rows of " + rowBytes + " bytes, expected at least " + row);
    return (rowBytes == 0 ? row : rowBytes) * (height - 1L) + row;
  }
}
