// SPDX-License-Identifier: GPL-2.0-or-later
// A plugin for Elasticsearch as it can be had for tests: the index in which it keeps API keys names
// analysers of a module that is not in it, and without them no key can be made. The names are what
// counts, nobody searches for keys here.
package natledger.tests;

import java.util.Map;
import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.core.WhitespaceTokenizer;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

public class Analysis extends Plugin implements AnalysisPlugin {
    private static AnalysisProvider<TokenFilterFactory> filter(UnaryOperator<TokenStream> made) {
        return (index, environment, name, settings) -> new TokenFilterFactory() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public TokenStream create(TokenStream stream) {
                return made.apply(stream);
            }
        };
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return Map.of("lowercase", filter(LowerCaseFilter::new),
                      "unique", filter(RemoveDuplicatesTokenFilter::new),
                      "pattern_capture", filter(stream -> stream));
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("uax_url_email", (index, environment, name, settings) ->
            TokenizerFactory.newFactory(name, WhitespaceTokenizer::new));
    }
}
