import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.eclipse.rdf4j.federated.FedXConfig;
import org.eclipse.rdf4j.federated.FedXFactory;
import org.eclipse.rdf4j.federated.repository.FedXRepository;
import org.eclipse.rdf4j.model.BNode;
import org.eclipse.rdf4j.model.IRI;
import org.eclipse.rdf4j.model.Literal;
import org.eclipse.rdf4j.model.Value;
import org.eclipse.rdf4j.query.Binding;
import org.eclipse.rdf4j.query.BindingSet;
import org.eclipse.rdf4j.query.TupleQueryResult;

/** Answers queries with FedX over SPARQL endpoints; same lines in and out as comunica.mjs. */
public class FedX {
  public static void main(String[] args) throws Exception {
    int seconds = Math.max(1, Integer.parseInt(args[0]) / 1000);
    PrintStream out = System.out;
    System.setOut(System.err);
    FedXConfig config = new FedXConfig().withEnforceMaxQueryTime(seconds);
    FedXRepository repository = FedXFactory.newFederation()
        .withSparqlEndpoints(Arrays.asList(args).subList(1, args.length))
        .withConfig(config).create();
    repository.init();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line; (line = in.readLine()) != null; ) {
      String query = unquote(line);
      long start = System.nanoTime();
      StringBuilder told = new StringBuilder();
      try (var connection = repository.getConnection();
          TupleQueryResult result = connection.prepareTupleQuery(query).evaluate()) {
        List<String> rows = new ArrayList<>();
        while (result.hasNext()) rows.add(row(result.next()));
        told.append("{\"milliseconds\":").append((System.nanoTime() - start) / 1e6)
            .append(",\"rows\":[").append(String.join(",", rows)).append("]}");
      } catch (Throwable error) {
        told.append("{\"milliseconds\":").append((System.nanoTime() - start) / 1e6)
            .append(",\"error\":").append(quote(String.valueOf(error))).append("}");
      }
      out.println(told);
      out.flush();
    }
    System.exit(0);
  }

  static String row(BindingSet bindings) {
    List<String> cells = new ArrayList<>();
    for (Binding b : bindings) {
      cells.add("[" + quote(b.getName()) + "," + quote(spelled(b.getValue())) + "]");
    }
    return "[" + String.join(",", cells) + "]";
  }

  static String spelled(Value value) {
    if (value instanceof IRI) return "<" + value.stringValue() + ">";
    if (value instanceof BNode) return "_:";
    Literal literal = (Literal) value;
    return quote(literal.getLabel()) + "^^" + literal.getDatatype().stringValue()
        + "@" + literal.getLanguage().orElse("");
  }

  static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 32) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }

  static String unquote(String json) {
    StringBuilder out = new StringBuilder();
    for (int i = 1; i < json.length() - 1; i++) {
      char c = json.charAt(i);
      if (c != '\\') { out.append(c); continue; }
      char next = json.charAt(++i);
      switch (next) {
        case 'n': out.append('\n'); break;
        case 't': out.append('\t'); break;
        case 'r': out.append('\r'); break;
        case 'u': out.append((char) Integer.parseInt(json.substring(i + 1, i + 5), 16)); i += 4; break;
        default: out.append(next);
      }
    }
    return out.toString();
  }
}
