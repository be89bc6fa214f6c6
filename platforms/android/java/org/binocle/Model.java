// SPDX-License-Identifier: Apache-2.0
package org.binocle;

import java.nio.charset.StandardCharsets;

/** A mapped model file, which any number of sessions share. Sessions are made one at a time, on any thread. */
public final class Model implements AutoCloseable {
  /** What the library has to say besides results and errors: that memory is short, say. On the thread of the call that it is about. */
  public interface Logger {
    int WARNING = 1, INFO = 2, DEBUG = 3;

    void log(int level, String message);
  }

  /** How a model is opened. Set what differs. */
  public static final class Options {
    /** 0: the big cores. */
    public int threads;
    /** Where packed weights go, which some models make at their first use: Context.getCodeCacheDir() of an app. "": nowhere. */
    public String cacheFolder = "";
    /** May be null. */
    public Logger logger;
  }

  static {
    NativeLibrary.load();
  }

  final NativeHandle handle;
  private final long[] numbers = new long[8];

  /** With the defaults. */
  public static Model open(String path) {
    return open(path, new Options());
  }

  /** Maps and validates a .bnc file. */
  public static Model open(String path, Options options) {
    return new Model(path, options);
  }

  private Model(String path, Options options) {
    handle = new NativeHandle(open(utf8(path), options.threads, utf8(options.cacheFolder), options.logger), null, Model::destroy);
    info(handle.acquire(), numbers);
    handle.release();
  }

  /** With the model's own context and cache, and all memory. */
  public Session newSession() {
    return newSession(new Session.Settings());
  }

  public synchronized Session newSession(Session.Settings settings) {
    return new Session(this, settings);
  }

  /** Keeps the embeddings of the last `count` pictures: the same picture again costs no vision. */
  public synchronized void keepPictures(int count) {
    long address = handle.acquire();
    try {
      keepPictures(address, count);
    } finally {
      handle.release();
    }
  }

  /** Rows that a conversation may have, pictures and answers included. */
  public int context() {
    return (int) numbers[0];
  }

  /** Rows that a picture takes; 0: a model without eyes. */
  public int imageRows() {
    return (int) numbers[1];
  }

  /** Pixels per side of what a picture is resized to: more are of no use. */
  public int inputSide() {
    return (int) numbers[2];
  }

  public boolean hasTokenizer() {
    return numbers[3] != 0;
  }

  public long fileBytes() {
    return numbers[4];
  }

  /** Resident memory while answering. */
  public long predictedBytes() {
    return numbers[5];
  }

  /** The library's, such as "0.2.0". */
  public static String version() {
    return new String(versionText(), StandardCharsets.UTF_8);
  }

  /** Sessions of the model may be closed later. */
  @Override
  public void close() {
    handle.close();
  }

  /** From native code. */
  static void log(Logger logger, int level, byte[] message) {
    logger.log(level, new String(message, StandardCharsets.UTF_8));
  }

  static byte[] utf8(String text) {
    if (text == null) throw new NullPointerException("a text is missing");
    if (text.indexOf('\0') >= 0) throw new IllegalArgumentException("a text has a zero character");
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static native long open(byte[] path, int threads, byte[] cacheFolder, Logger logger);

  private static native void destroy(long address);

  private static native void info(long address, long[] numbers);

  private static native void keepPictures(long address, int count);

  private static native byte[] versionText();
}
