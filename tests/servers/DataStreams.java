// SPDX-License-Identifier: GPL-2.0-or-later
// A plugin for Elasticsearch 7.17 as it can be had for tests: the module that makes the server's
// own mapper of data streams known is not in it, and without that "data_stream" in a template is
// refused. In later versions the server knows it by itself.
package natledger.tests;

import java.util.Collections;
import java.util.Map;
import org.elasticsearch.index.mapper.DataStreamTimestampFieldMapper;
import org.elasticsearch.index.mapper.MetadataFieldMapper;
import org.elasticsearch.plugins.MapperPlugin;
import org.elasticsearch.plugins.Plugin;

public class DataStreams extends Plugin implements MapperPlugin {
    @Override
    public Map<String, MetadataFieldMapper.TypeParser> getMetadataMappers() {
        return Collections.singletonMap(DataStreamTimestampFieldMapper.NAME,
                                        DataStreamTimestampFieldMapper.PARSER);
    }
}
