package org.jresnet.serve;

import io.undertow.connector.ByteBufferPool;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.MultipartParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jresnet.base.Text;

/** The images of a request's body: one as it is, or the files of a form. */
final class Uploads {
  private static final String FORM = "multipart/form-data";
  private static final int LONGEST_NAME = 255;

  /** RFC 2046, section 5.1.1. */
  private static final int LONGEST_BOUNDARY = 70;

  /**
   * An image that was sent.
   *
   * @param name what the client calls it; shown, never opened
   * @param bytes of the file
   */
  record Upload(String name, byte[] bytes) {}

  private Uploads() {}

  /**
   * Takes a body apart.
   *
   * @param type its Content-Type; null if there is none
   * @param most images
   * @throws Problem when it is malformed, empty or of another type
   */
  static List<Upload> of(String type, ByteBuffer body, int most, ByteBufferPool pool) {
    String kind =
        type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(java.util.Locale.ROOT);
    if (kind.equals(FORM)) {
      return form(type, body, most, pool);
    }
    if (!kind.startsWith("image/") && !kind.equals("application/octet-stream")) {
      throw new Problem(
          415,
          Text.format(
              "expected an image (Content-Type: image/* or application/octet-stream) or a form with"
                  + " files (%s), found %s",
              FORM, kind.isEmpty() ? "no Content-Type" : "Content-Type: " + Text.visible(kind)));
    }
    if (!body.hasRemaining()) {
      throw new Problem(400, "the body is empty, expected an image");
    }
    return List.of(
        new Upload(
            "",
            Arrays.copyOfRange(
                body.array(), body.arrayOffset(), body.arrayOffset() + body.limit())));
  }

  private static List<Upload> form(String type, ByteBuffer body, int most, ByteBufferPool pool) {
    String boundary = Headers.extractQuotedValueFromHeader(type, "boundary");
    if (boundary == null || boundary.isEmpty() || boundary.length() > LONGEST_BOUNDARY) {
      throw malformed("its Content-Type names no boundary of 1 to 70 characters");
    }
    Parts parts = new Parts(most);
    MultipartParser.ParseState state =
        MultipartParser.beginParse(
            pool, parts, boundary.getBytes(StandardCharsets.ISO_8859_1), "UTF-8");
    try {
      state.parse(body);
    } catch (Problem e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Undertow throws all kinds, such as for a file name in an unknown character set.
      throw malformed("a part or its head is broken");
    }
    if (!state.isComplete()) {
      throw malformed("it ends before its last boundary");
    }
    if (parts.uploads.isEmpty()) {
      throw new Problem(400, "the form holds no file, expected one or more images");
    }
    return parts.uploads;
  }

  private static Problem malformed(String reason) {
    return new Problem(400, "the form (" + FORM + ", RFC 7578) is malformed: " + reason);
  }

  private static final class Parts implements MultipartParser.PartHandler {
    private final List<Upload> uploads = new ArrayList<>();
    private final int most;
    private String name;
    private ByteArrayOutputStream bytes;

    Parts(int most) {
      this.most = most;
    }

    @Override
    public void beginPart(HeaderMap headers) {
      String disposition = headers.getFirst(Headers.CONTENT_DISPOSITION);
      if (disposition == null) {
        throw malformed("a part has no Content-Disposition");
      }
      String file = Headers.extractQuotedValueFromHeaderWithEncoding(disposition, "filename");
      if (file == null) {
        String field = Headers.extractQuotedValueFromHeader(disposition, "name");
        throw new Problem(
            400,
            Text.format(
                "the field '%s' of the form has no file name; send files only, and options in the"
                    + " query",
                field == null ? "" : shown(field)));
      }
      if (uploads.size() == most) {
        throw new Problem(413, Text.format("a request may hold %s images, found more", most));
      }
      name = shown(file);
      bytes = new ByteArrayOutputStream();
    }

    private static String shown(String sent) {
      String visible = Text.visible(sent);
      return visible.length() <= LONGEST_NAME ? visible : visible.substring(0, LONGEST_NAME);
    }

    @Override
    public void data(ByteBuffer buffer) {
      byte[] chunk = new byte[buffer.remaining()];
      buffer.get(chunk);
      bytes.writeBytes(chunk);
    }

    @Override
    public void endPart() {
      uploads.add(new Upload(name, bytes.toByteArray()));
    }
  }
}
