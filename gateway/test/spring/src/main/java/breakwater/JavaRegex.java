package breakwater;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** What Java makes of a pattern and a text, two lines each: the groups of the whole match, and each match in brackets. */
public class JavaRegex {
  public static void main(String[] args) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String pattern = in.readLine(); pattern != null; pattern = in.readLine()) out.println(answer(pattern, in.readLine()));
  }

  private static String answer(String pattern, String text) {
    try {
      Matcher matcher = Pattern.compile(pattern).matcher(text);
      StringBuilder answer = new StringBuilder(String.valueOf(matcher.matches()));
      if (matcher.matches()) for (int i = 0; i <= matcher.groupCount(); i++) answer.append('|').append(matcher.group(i));
      return answer + " ~ " + matcher.replaceAll("<$0>");
    } catch (PatternSyntaxException e) {
      return "ERR";
    }
  }
}
