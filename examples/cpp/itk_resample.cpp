// Interpolates slices of a CT that ITK reads: a NIfTI or NRRD file, or a folder with a DICOM
// series. The output keeps pixel type, origin, directions and known slices of the input, bit for
// bit; only the slice spacing is finer.
//
// usage: itk_resample INPUT OUTPUT [MODEL]
#include <hrinet.hpp>

#include <itkGDCMImageIO.h>
#include <itkGDCMSeriesFileNames.h>
#include <itkImage.h>
#include <itkImageFileReader.h>
#include <itkImageFileWriter.h>
#include <itkImageIOFactory.h>
#include <itkImageSeriesReader.h>
#include <itksys/SystemTools.hxx>

#include <iostream>
#include <stdexcept>
#include <string>

namespace {

template <class Pixel>
using Ct = itk::Image<Pixel, 3>;

// ITK, as DICOM, counts in LPS; hrinet::Geometry::lps says so, and nothing is rounded on the way.
template <class Pixel>
hrinet::Geometry geometry_of(const Ct<Pixel>& image) {
    hrinet::Vector3 spacing{}, origin{};
    hrinet::Matrix3 direction{};
    for (unsigned row = 0; row < 3; ++row) {
        spacing[row] = image.GetSpacing()[row];
        origin[row] = image.GetOrigin()[row];
        for (unsigned axis = 0; axis < 3; ++axis)
            direction[row][axis] = image.GetDirection()[row][axis];
    }
    return hrinet::Geometry::lps(spacing, origin, direction);
}

// An image on the plan's grid, without voxels yet.
template <class Pixel>
typename Ct<Pixel>::Pointer image_for(const hrinet::Plan& plan, const Ct<Pixel>& known) {
    const auto axis = static_cast<unsigned>(plan.axis());
    const auto size = plan.size();
    const auto origin = plan.geometry().origin_lps();
    // Directions and the pixels in the plane are those of the input, not computed anew.
    auto spacing = known.GetSpacing();
    spacing[axis] = plan.geometry().spacing()[axis];
    typename Ct<Pixel>::PointType place;
    for (unsigned a = 0; a < 3; ++a) place[a] = origin[a];

    auto image = Ct<Pixel>::New();
    image->SetRegions(typename Ct<Pixel>::SizeType{{size[0], size[1], size[2]}});
    image->SetSpacing(spacing);
    image->SetOrigin(place);
    image->SetDirection(known.GetDirection());
    image->SetMetaDataDictionary(known.GetMetaDataDictionary());
    image->Allocate();
    return image;
}

template <class Pixel>
void resample(const Ct<Pixel>& known, const std::string& output, const hrinet::Model& model) {
    const auto region = known.GetBufferedRegion().GetSize();
    const hrinet::Volume ct(known.GetBufferPointer(), {region[0], region[1], region[2]},
                            geometry_of(known));
    const hrinet::Plan plan(ct);
    const auto fine = image_for(plan, known);
    const hrinet::Span<Pixel> voxels(fine->GetBufferPointer(), plan.voxels());
    model.interpolate(plan, ct, voxels, [](hrinet::Progress progress) {
        std::cerr << '\r' << progress.done << " of " << progress.total << " slices";
        return progress.keep_going();
    });
    std::cerr << '\n';
    itk::WriteImage(fine, output);
}

template <class Pixel>
typename Ct<Pixel>::Pointer read(const std::string& input) {
    if (!itksys::SystemTools::FileIsDirectory(input)) return itk::ReadImage<Ct<Pixel>>(input);
    const auto names = itk::GDCMSeriesFileNames::New();
    names->SetDirectory(input);
    const auto series = names->GetSeriesUIDs();
    if (series.size() != 1)
        throw std::runtime_error(input + " holds " + std::to_string(series.size()) +
                                 " series, not one");
    // GDCM sorts by place along the slices. ITK takes their mean distance: with hrinet.h, uneven
    // ones can be given as slice positions.
    const auto reader = itk::ImageSeriesReader<Ct<Pixel>>::New();
    reader->SetImageIO(itk::GDCMImageIO::New());
    reader->SetFileNames(names->GetFileNames(series.front()));
    reader->Update();
    return reader->GetOutput();
}

itk::IOComponentEnum type_of(const std::string& input) {
    // GDCM has applied rescale slope and intercept: HU fit into 16 bits.
    if (itksys::SystemTools::FileIsDirectory(input)) return itk::IOComponentEnum::SHORT;
    const auto mode = itk::IOFileModeEnum::ReadMode;
    const auto io = itk::ImageIOFactory::CreateImageIO(input.c_str(), mode);
    if (!io) throw std::runtime_error(input + " is no image that ITK reads");
    io->SetFileName(input);
    io->ReadImageInformation();
    return io->GetComponentType();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || argc > 4) {
        std::cerr << "usage: itk_resample INPUT OUTPUT [MODEL]\n";
        return 2;
    }
    try {
        const std::string input = argv[1], output = argv[2];
        const auto model = hrinet::Model::load(argc == 4 ? argv[3] : "hrinet-motion");
        using Type = itk::IOComponentEnum;
        switch (type_of(input)) {
            case Type::SHORT: resample(*read<short>(input), output, model); break;
            case Type::USHORT: resample(*read<unsigned short>(input), output, model); break;
            case Type::INT: resample(*read<int>(input), output, model); break;
            default: resample(*read<float>(input), output, model);
        }
    } catch (const std::exception& error) {  // hrinet::Error and itk::ExceptionObject are both one
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
